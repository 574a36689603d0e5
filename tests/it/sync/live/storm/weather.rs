//! The weather: faults of the platform, of the store and of the process, most of which last for a while.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use app_core::sync::SyncMode;
use async_trait::async_trait;
use discord_simulator::{BotChange, Fault, FaultRule, GatewayFault, LimitScope, Match};
use domain::job::SyncScope;
use domain::page::model::Random;
use ports::error::StoreError;
use ports::store::{Repositories, Store, StoreStatus, UnitOfWork};
use tokio::time::{Instant, sleep};

use super::super::super::with::{Company, With};
use super::super::Following;

/// How many steps there are to one change of the weather.
const RARITY: u64 = 8;
/// The longest time that a fault lasts, in seconds; longer than the platform stores a session.
const LONGEST_S: u64 = 400;
/// The delay of each operation of a slow store, in milliseconds.
const DELAYS_MS: [u64; 4] = [20, 100, 700, 3_000];

/// The delay of the store, in milliseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Slow(Arc<AtomicU64>);

impl Slow {
    pub(super) fn store(&self, store: &Arc<dyn Store>) -> impl Store + use<> {
        SlowStore { store: Arc::clone(store), slow: self.clone() }
    }

    async fn pass(&self) {
        let delay_ms = self.0.load(Ordering::Relaxed);
        if delay_ms > 0 {
            sleep(Duration::from_millis(delay_ms)).await;
        }
    }
}

/// A store whose operations take longer, by a time that changes.
struct SlowStore {
    store: Arc<dyn Store>,
    slow: Slow,
}

#[async_trait]
impl Company for Slow {
    async fn committed(self, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
        self.pass().await;
        outcome
    }
}

#[async_trait]
impl Store for SlowStore {
    async fn read(&self) -> Result<Box<dyn Repositories>, StoreError> {
        self.slow.pass().await;
        self.store.read().await
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        self.slow.pass().await;
        Ok(Box::new(With(self.store.begin().await?, self.slow.clone())))
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.store.status().await
    }
}

/// A fault that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasting {
    SlowStore,
    NoProcess,
    NoAnswers,
    Mute,
    Held,
    GuildDown,
}

/// The faults that last, each with its end.
pub(super) struct Weather {
    slow: Slow,
    lasting: Vec<(Instant, Lasting)>,
    kills: u64,
    faults: u64,
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} faults, {} ends of a process", self.faults, self.kills)
    }
}

impl Weather {
    pub(super) const fn new(slow: Slow) -> Self {
        Self { slow, lasting: Vec::new(), kills: 0, faults: 0 }
    }

    /// Ends the faults whose time has come; returns their descriptions.
    pub(super) fn clear(&mut self, following: &mut Following) -> Vec<&'static str> {
        let now = Instant::now();
        let (over, lasting) = self.lasting.drain(..).partition(|(end, _)| *end <= now);
        self.lasting = lasting;
        let over: Vec<(Instant, Lasting)> = over;
        over.into_iter().map(|(_, fault)| self.lift(fault, following)).collect()
    }

    /// Ends all faults.
    pub(super) fn end(&mut self, following: &mut Following) {
        for (_, fault) in std::mem::take(&mut self.lasting) {
            self.lift(fault, following);
        }
        following.world.simulator.clear_faults();
        for fault in [
            GatewayFault::Lose { count: 0 },
            GatewayFault::Duplicate { count: 0 },
            GatewayFault::RefuseResume { count: 0 },
        ] {
            following.fault(&fault);
        }
    }

    fn lift(&mut self, fault: Lasting, following: &mut Following) -> &'static str {
        match fault {
            Lasting::SlowStore => {
                self.slow.0.store(0, Ordering::Relaxed);
                "the store is fast"
            }
            Lasting::NoProcess => {
                following.run();
                "a process starts"
            }
            Lasting::NoAnswers => {
                following.fault(&GatewayFault::NoAck { on: false });
                "heartbeats are answered"
            }
            Lasting::Mute => {
                following.fault(&GatewayFault::Mute { on: false });
                "connections are greeted"
            }
            Lasting::Held => {
                following.fault(&GatewayFault::Hold { on: false });
                "events that were held arrive"
            }
            Lasting::GuildDown => {
                following.world.change_bot(BotChange { unavailable: Some(false), ..BotChange::default() });
                "the guild is available"
            }
        }
    }

    /// Makes `fault` last for a while, unless it does already; returns whether it begins.
    fn last(&mut self, random: &mut Random, fault: Lasting, longest_s: u64) -> bool {
        if self.lasting.iter().any(|(_, lasting)| *lasting == fault) {
            return false;
        }
        // Mostly short.
        let longest_s = if random.below(4) == 0 { longest_s } else { longest_s.min(20) };
        self.lasting.push((Instant::now() + Duration::from_secs(random.below(longest_s)), fault));
        true
    }

    /// Changes the weather now and then; returns a description of the change. Only if `is_wild`, events are lost and
    /// come in the wrong order.
    pub(super) async fn change(
        &mut self,
        random: &mut Random,
        following: &mut Following,
        is_wild: bool,
    ) -> Option<String> {
        if random.below(RARITY) > 0 {
            return None;
        }
        self.faults += 1;
        match random.below(20) {
            0..8 => self.disturb_connection(random, following),
            8..11 if is_wild => self.disturb_events(random, following),
            8..11 => {
                let count = 1 + random.below(50);
                Some(Self::apply(following, &GatewayFault::Duplicate { count }))
            }
            11..14 => Some(disturb_requests(random, following)),
            14..16 => self.end_process(random, following).await,
            16..18 => {
                let delay_ms = DELAYS_MS[usize::try_from(random.below(4)).unwrap()];
                self.last(random, Lasting::SlowStore, 120).then(|| {
                    self.slow.0.store(delay_ms, Ordering::Relaxed);
                    format!("each operation of the store takes {delay_ms} ms")
                })
            }
            18 => self.last(random, Lasting::GuildDown, 90).then(|| {
                following.world.change_bot(BotChange { unavailable: Some(true), ..BotChange::default() });
                "the guild is not available".to_owned()
            }),
            _ => {
                let running = following.running.as_ref()?;
                let mode = if random.below(2) == 0 { SyncMode::Full } else { SyncMode::Incremental };
                let requested = running.jobs.request(&following.world.tenant, mode, &SyncScope::default()).await;
                requested.ok().map(|job| format!("a sync is requested: {:?}", job.kind))
            }
        }
    }

    fn apply(following: &Following, fault: &GatewayFault) -> String {
        following.fault(fault);
        format!("{fault:?}")
    }

    fn disturb_connection(&mut self, random: &mut Random, following: &Following) -> Option<String> {
        let fault = match random.below(14) {
            0..3 => GatewayFault::Drop,
            3 => GatewayFault::Reconnect,
            4 => GatewayFault::InvalidSession { resumable: true },
            5 => GatewayFault::InvalidSession { resumable: false },
            6 => GatewayFault::Close { code: 4000 },
            7 => GatewayFault::Close { code: 4009 },
            8 => GatewayFault::ForgetEvents,
            9 => GatewayFault::RefuseResume { count: 1 + random.below(2) },
            10 => GatewayFault::AskHeartbeat,
            11 => GatewayFault::UnknownEvent,
            12 => {
                self.last(random, Lasting::NoAnswers, LONGEST_S).then_some(())?;
                GatewayFault::NoAck { on: true }
            }
            _ => {
                self.last(random, Lasting::Mute, LONGEST_S).then_some(())?;
                following.fault(&GatewayFault::Drop);
                GatewayFault::Mute { on: true }
            }
        };
        Some(Self::apply(following, &fault))
    }

    fn disturb_events(&mut self, random: &mut Random, following: &Following) -> Option<String> {
        let fault = match random.below(5) {
            0 => GatewayFault::Duplicate { count: 1 + random.below(50) },
            1 => GatewayFault::Lose { count: 1 + random.below(30) },
            2 | 3 => GatewayFault::Swap,
            _ => {
                self.last(random, Lasting::Held, 40).then_some(())?;
                GatewayFault::Hold { on: true }
            }
        };
        Some(Self::apply(following, &fault))
    }

    async fn end_process(&mut self, random: &mut Random, following: &mut Following) -> Option<String> {
        if !self.last(random, Lasting::NoProcess, LONGEST_S) {
            return None;
        }
        self.kills += 1;
        if random.below(3) == 0 {
            following.stop().await;
            return Some("the process is told to end".to_owned());
        }
        following.kill();
        Some("the process is killed".to_owned())
    }
}

/// Makes some of the next requests fail.
fn disturb_requests(random: &mut Random, following: &Following) -> String {
    let limited = |scope| Fault::Limited { scope, retry_after: 3.0, header: Some("3".to_owned()) };
    let fault = match random.below(10) {
        0..4 => Fault::Status { status: 500 + u16::try_from(random.below(4)).unwrap(), html: false },
        4 => limited(LimitScope::Global),
        5 => limited(LimitScope::Shared),
        6 => Fault::Stall,
        7 => Fault::Reset,
        8 => Fault::Truncate,
        _ => Fault::SlowFirstByte { ms: 4_000 },
    };
    let rule = FaultRule { matching: Match::default(), count: 1 + random.below(12), action: fault };
    let step = format!("the next {} requests: {:?}", rule.count, rule.action);
    following.world.simulator.fault(rule);
    step
}
