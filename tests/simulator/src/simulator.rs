//! A running simulator, and the operations that a test can perform on it.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::act::{Act, ActError};
use crate::cdn;
use crate::clock::Clock;
use crate::fault::{FaultRule, Faults};
use crate::gateway::{GatewayFault, Hub};
use crate::ledger::{self, Ledger};
use crate::limit::{Limiter, Limits};
use crate::options::Options;
use crate::requests::{Request, Requests, Totals};
use crate::server;
use crate::talk;
use crate::world::World;

/// The files that were requested, and the action after a number of them.
#[derive(Default)]
struct Served {
    ids: Vec<u64>,
    then: Option<(usize, Box<dyn FnOnce() + Send>)>,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Served").field(&self.ids).finish()
    }
}

/// The state shared by all connections.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) address: SocketAddr,
    world: RwLock<World>,
    limiter: Mutex<Limiter>,
    faults: Mutex<Faults>,
    requests: Mutex<Requests>,
    hub: Mutex<Hub>,
    served: Mutex<Served>,
}

impl Shared {
    pub(crate) fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request for a file under a valid address.
    pub(crate) fn serve_file(&self, id: u64) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.ids.push(id);
        if served.then.as_ref().is_some_and(|(count, _)| *count <= served.ids.len())
            && let Some((_, act)) = served.then.take()
        {
            act();
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.options.clock.now_ms()
    }

    /// Changes the world and sends the events to the gateway's sessions.
    pub(crate) fn act(&self, act: Act) -> Result<Value, ActError> {
        let mut world = self.world_mut();
        let (answer, events) = world.act(act, self.now_ms())?;
        let mut hub = self.hub();
        for event in &events {
            hub.dispatch(&world, event, self.now_ms());
        }
        Ok(answer)
    }
}

/// A running simulator. Dropping it stops it.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Listens on the loopback address and serves requests from then on.
    ///
    /// # Errors
    /// If the port cannot be opened.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let cdn = options.cdn.clone().unwrap_or_else(|| format!("http://{address}"));
        let world = World::build(options.seed, options.users, &options.plan, &options.token, cdn);
        let shared = Arc::new(Shared {
            address,
            world: RwLock::new(world),
            limiter: Mutex::new(Limiter::new(options.limits.clone())),
            faults: Mutex::default(),
            requests: Mutex::default(),
            hub: Mutex::new(Hub::new(options.replay_events, options.session_ttl_ms)),
            served: Mutex::default(),
            options,
        });
        let task = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self { shared, task })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Returns the base URL of the REST API, with its version.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}/api/v10", self.shared.address)
    }

    /// Returns the URL of the gateway.
    #[must_use]
    pub fn gateway_url(&self) -> String {
        format!("ws://{}", self.shared.address)
    }

    /// Returns the accepted token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.shared.options.token
    }

    /// Returns the id of the generated guild.
    #[must_use]
    pub fn guild_id(&self) -> u64 {
        self.shared.world().guild.id
    }

    /// Returns its clock.
    #[must_use]
    pub fn clock(&self) -> Arc<Clock> {
        Arc::clone(&self.shared.options.clock)
    }

    /// Returns the channel or thread of this name, visible to the bot or not; the oldest, if there are several.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<u64> {
        self.shared.world().channels.values().find(|channel| channel.name == name).map(|channel| channel.id)
    }

    /// Returns every channel and thread, in ascending order of id.
    #[must_use]
    pub fn channels(&self) -> Vec<u64> {
        self.shared.world().channels.keys().copied().collect()
    }

    /// Returns the threads of a channel, in ascending order of id.
    #[must_use]
    pub fn threads(&self, parent: u64) -> Vec<u64> {
        self.shared.world().threads_of(parent).map(|thread| thread.id).collect()
    }

    /// Performs an action of people, and sends its events to the gateway's sessions.
    ///
    /// # Errors
    /// [`ActError`] if the object of the action does not exist.
    pub fn act(&self, act: Act) -> Result<Value, ActError> {
        self.shared.act(act)
    }

    /// Lets people talk in the guild, at the pace of people by its clock, until the future is dropped.
    ///
    /// # Errors
    /// [`ActError`] if there is no channel to talk in: `general` and `lounge`.
    pub async fn talk(&self) -> Result<(), ActError> {
        talk::talk(&self.shared).await
    }

    /// Makes some of the next requests fail.
    pub fn fault(&self, rule: FaultRule) {
        self.shared.faults().add(rule);
    }

    /// Removes all rules that make requests fail.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Applies a fault to the gateway's connections or sessions.
    pub fn gateway_fault(&self, fault: &GatewayFault) {
        let world = self.shared.world();
        self.shared.hub().fault(&world, fault, self.shared.now_ms());
    }

    /// Returns the number of sessions that have a connection.
    #[must_use]
    pub fn connected_sessions(&self) -> usize {
        self.shared.hub().connected()
    }

    /// Changes the rate limits.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.limiter().set(limits);
    }

    /// Returns the bytes of the file with this id; `None` for one that Discord has lost.
    #[must_use]
    pub fn file(id: u64) -> Option<Vec<u8>> {
        (!cdn::is_lost(id)).then(|| cdn::file(id))
    }

    /// Returns the files that were requested under valid addresses, in that order, including lost ones.
    #[must_use]
    pub fn served_files(&self) -> Vec<u64> {
        self.shared.served.lock().unwrap_or_else(PoisonError::into_inner).ids.clone()
    }

    /// Runs an action once, when that many files were requested.
    pub fn on_file(&self, count: usize, act: impl FnOnce() + Send + 'static) {
        self.shared.served.lock().unwrap_or_else(PoisonError::into_inner).then = Some((count, Box::new(act)));
    }

    /// Returns the requests with a number above `after`.
    #[must_use]
    pub fn requests(&self, after: u64) -> Vec<Request> {
        self.shared.requests().after(after).cloned().collect()
    }

    /// Returns the totals over all requests.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.shared.requests().totals()
    }

    /// Returns the content of a complete archive of the channel; `None` if there never was such a channel.
    #[must_use]
    pub fn ledger(&self, channel: u64) -> Option<Ledger> {
        let world = self.shared.world();
        world.channels.get(&channel).map(|channel| ledger::ledger(&world, channel))
    }

    /// Returns the messages above `after` in their final state, oldest first, at most `limit`.
    #[must_use]
    pub fn messages(&self, channel: u64, after: u64, limit: usize) -> Vec<Value> {
        let world = self.shared.world();
        let found = world.channels.get(&channel).map(|channel| ledger::messages_after(&world, channel, after, limit));
        found.unwrap_or_default()
    }

    /// Returns everything that identifies a person of the guild: ids, names, nicknames and pictures, except short words
    /// that could occur in any text.
    #[must_use]
    pub fn traces_of_people(&self) -> BTreeSet<String> {
        let mut traces = BTreeSet::new();
        for channel in self.channels() {
            self.messages(channel, 0, usize::MAX).iter().for_each(|message| collect_traces(message, &mut traces));
        }
        // Names of webhooks are ordinary words; all others contain a number.
        traces.retain(|trace| trace.len() > 5 && trace.bytes().any(|byte| byte.is_ascii_digit()));
        traces
    }
}

fn collect_traces(value: &Value, traces: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_traces(item, traces)),
        Value::Object(fields) => {
            if fields.contains_key("username") {
                for key in ["id", "username", "global_name", "avatar"] {
                    // A webhook's name is text that a program chose for one message; its id identifies it all the same.
                    traces.extend(fields.get(key).and_then(Value::as_str).map(str::to_owned));
                }
            }
            fields.values().for_each(|value| collect_traces(value, traces));
        }
        _ => {}
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}
