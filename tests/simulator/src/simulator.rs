//! A running simulator, and what a test can do with it.

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
use crate::world::World;

/// Files that were asked for, and what happens after so many of them.
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

/// What all connections share.
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

    /// Notes that a file was asked for under an address that works.
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

    /// Changes the world and tells the gateway's sessions.
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

/// A running simulator. Dropping it ends it.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Listens on the loopback address and answers from then on.
    ///
    /// # Errors
    /// The port cannot be listened on.
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// The base of the REST API, with its version.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}/api/v10", self.shared.address)
    }

    /// The gateway.
    #[must_use]
    pub fn gateway_url(&self) -> String {
        format!("ws://{}", self.shared.address)
    }

    /// The token that is accepted.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.shared.options.token
    }

    /// The generated guild.
    #[must_use]
    pub fn guild_id(&self) -> u64 {
        self.shared.world().guild.id
    }

    /// Its time.
    #[must_use]
    pub fn clock(&self) -> Arc<Clock> {
        Arc::clone(&self.shared.options.clock)
    }

    /// The channel or thread of this name that the bot may or may not see; the oldest, if there are several.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<u64> {
        self.shared.world().channels.values().find(|channel| channel.name == name).map(|channel| channel.id)
    }

    /// Every channel and thread, rising by id.
    #[must_use]
    pub fn channels(&self) -> Vec<u64> {
        self.shared.world().channels.keys().copied().collect()
    }

    /// The threads of a channel, rising by id.
    #[must_use]
    pub fn threads(&self, parent: u64) -> Vec<u64> {
        self.shared.world().threads_of(parent).map(|thread| thread.id).collect()
    }

    /// Does what people do, and tells the gateway's sessions.
    ///
    /// # Errors
    /// [`ActError`] if what it is about does not exist.
    pub fn act(&self, act: Act) -> Result<Value, ActError> {
        self.shared.act(act)
    }

    /// Makes some of the next requests go wrong.
    pub fn fault(&self, rule: FaultRule) {
        self.shared.faults().add(rule);
    }

    /// Ends all rules that make requests go wrong.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Makes the gateway's connections or sessions go wrong.
    pub fn gateway_fault(&self, fault: &GatewayFault) {
        let world = self.shared.world();
        self.shared.hub().fault(&world, fault, self.shared.now_ms());
    }

    /// How many sessions have a connection.
    #[must_use]
    pub fn connected_sessions(&self) -> usize {
        self.shared.hub().connected()
    }

    /// Changes the rate limits.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.limiter().set(limits);
    }

    /// The bytes of the file with this id; `None` for one that Discord has lost.
    #[must_use]
    pub fn file(id: u64) -> Option<Vec<u8>> {
        (!cdn::is_lost(id)).then(|| cdn::file(id))
    }

    /// The files that were asked for under addresses that work, in that order, lost ones included.
    #[must_use]
    pub fn served_files(&self) -> Vec<u64> {
        self.shared.served.lock().unwrap_or_else(PoisonError::into_inner).ids.clone()
    }

    /// Does something once, when so many files were asked for.
    pub fn on_file(&self, count: usize, act: impl FnOnce() + Send + 'static) {
        self.shared.served.lock().unwrap_or_else(PoisonError::into_inner).then = Some((count, Box::new(act)));
    }

    /// The requests with a number above `after`.
    #[must_use]
    pub fn requests(&self, after: u64) -> Vec<Request> {
        self.shared.requests().after(after).cloned().collect()
    }

    /// The sums over all requests.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.shared.requests().totals()
    }

    /// What a complete archive of the channel holds; `None` if there never was such a channel.
    #[must_use]
    pub fn ledger(&self, channel: u64) -> Option<Ledger> {
        let world = self.shared.world();
        world.channels.get(&channel).map(|channel| ledger::ledger(&world, channel))
    }

    /// Messages above `after` in their final state, oldest first, at most `limit`.
    #[must_use]
    pub fn messages(&self, channel: u64, after: u64, limit: usize) -> Vec<Value> {
        let world = self.shared.world();
        let found = world.channels.get(&channel).map(|channel| ledger::messages_after(&world, channel, after, limit));
        found.unwrap_or_default()
    }

    /// Everything that names somebody of the guild: ids, names, nicknames and pictures, but for short words that could
    /// stand in any text.
    #[must_use]
    pub fn traces_of_people(&self) -> BTreeSet<String> {
        let mut traces = BTreeSet::new();
        for channel in self.channels() {
            self.messages(channel, 0, usize::MAX).iter().for_each(|message| collect_traces(message, &mut traces));
        }
        // Names of webhooks are ordinary words; all others hold a number.
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
                    // A webhook's name is text that a program chose for one message; its id is one all the same.
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
