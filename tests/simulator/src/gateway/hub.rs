//! All sessions, and the distribution of events to them.

use std::collections::{HashMap, VecDeque};

use serde_json::json;
use tokio::sync::mpsc::UnboundedSender;

use super::fault::GatewayFault;
use super::session::{Disturbance, Out, Session};
use crate::event::{Event, intent};
use crate::random::Draw;
use crate::world::World;

const DAY_MS: u64 = 86_400_000;
/// The number of sessions that may be started a day:
/// <https://docs.discord.com/developers/events/gateway#rate-limiting>.
const IDENTIFIES_A_DAY: usize = 1000;
/// The pause between the starts of two sessions.
const IDENTIFY_PAUSE_MS: u64 = 5000;

/// The result of an attempt to start a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Granted,
    TooSoon,
    BudgetSpent,
}

/// All sessions of all clients.
#[derive(Debug)]
pub(crate) struct Hub {
    sessions: HashMap<String, Session>,
    identifies: VecDeque<u64>,
    made: u64,
    replay_events: usize,
    session_ttl_ms: u64,
    disturbance: Disturbance,
    refuse_resume: u64,
    pub(super) no_ack: bool,
    pub(super) mute: bool,
    pub(super) refuses: bool,
    pub(super) guild_padding: usize,
}

impl Hub {
    /// Returns a hub without sessions.
    pub(crate) fn new(replay_events: usize, session_ttl_ms: u64) -> Self {
        Self {
            sessions: HashMap::new(),
            identifies: VecDeque::new(),
            made: 0,
            replay_events,
            session_ttl_ms,
            disturbance: Disturbance::default(),
            refuse_resume: 0,
            no_ack: false,
            mute: false,
            refuses: false,
            guild_padding: 0,
        }
    }

    /// Returns the number of sessions that may still be started, and the milliseconds until the budget is reset.
    pub(crate) fn identify_left(&mut self, now_ms: u64) -> (u64, u64) {
        while self.identifies.front().is_some_and(|first| first + DAY_MS <= now_ms) {
            self.identifies.pop_front();
        }
        let left = IDENTIFIES_A_DAY.saturating_sub(self.identifies.len()) as u64;
        (left, self.identifies.front().map_or(0, |first| first + DAY_MS - now_ms))
    }

    /// Returns whether a session may be started now, and if limits apply, counts it.
    pub(super) fn admit(&mut self, now_ms: u64, limited: bool) -> Admission {
        let (left, _) = self.identify_left(now_ms);
        let last = self.identifies.back().copied();
        if limited && left == 0 {
            return Admission::BudgetSpent;
        }
        if limited && last.is_some_and(|last| last + IDENTIFY_PAUSE_MS > now_ms) {
            return Admission::TooSoon;
        }
        self.identifies.push_back(now_ms);
        Admission::Granted
    }

    /// Returns a new number for a connection or session.
    pub(super) const fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// Starts a session on a connection.
    pub(super) fn open(&mut self, link: (u64, UnboundedSender<Out>), intents: u32, shard: (u64, u64)) -> &mut Session {
        let id = Draw::of(&[self.number(), 0x7365_7373]).hex(32);
        let session =
            self.sessions.entry(id.clone()).or_insert_with(|| Session::new(id, intents, shard, self.replay_events));
        session.link = Some(link);
        session
    }

    /// Gives a session to a new connection and replays the missed events; returns the number for `RESUMED`, which
    /// follows. `Err` is a close code, or `None` if the session is invalid.
    pub(super) fn resume(
        &mut self,
        id: &str,
        seq: u64,
        link: (u64, UnboundedSender<Out>),
        now_ms: u64,
    ) -> Result<(), Option<(u16, &'static str)>> {
        if self.refuse_resume > 0 {
            self.refuse_resume -= 1;
            self.sessions.remove(id);
            return Err(None);
        }
        let session = self.sessions.get_mut(id).ok_or(None)?;
        if session.link.is_none() && session.lost_ms + self.session_ttl_ms < now_ms {
            self.sessions.remove(id);
            return Err(None);
        }
        if seq > session.seq {
            return Err(Some((4007, "Invalid seq")));
        }
        let missed = session.since(seq).ok_or(None)?;
        session.tell(Out::Drop);
        session.link = Some(link);
        for payload in missed {
            session.send(payload);
        }
        session.dispatch("RESUMED", &json!({"_trace": []}), &Disturbance::default());
        Ok(())
    }

    /// Returns the session of a connection.
    pub(super) fn session_of(&mut self, connection: u64) -> Option<&mut Session> {
        self.sessions.values_mut().find(|session| session.link.as_ref().is_some_and(|(id, _)| *id == connection))
    }

    /// Handles the end of a connection; its session remains for a while, unless it was given up.
    pub(super) fn close(&mut self, connection: u64, given_up: bool, now_ms: u64) {
        let Some(session) = self.session_of(connection) else { return };
        session.link = None;
        session.lost_ms = now_ms;
        if given_up {
            let id = session.id.clone();
            self.sessions.remove(&id);
        }
        let ttl = self.session_ttl_ms;
        self.sessions.retain(|_, session| session.link.is_some() || session.lost_ms + ttl >= now_ms);
    }

    /// Sends an event to every session that may receive it.
    pub(crate) fn dispatch(&mut self, world: &World, event: &Event, now_ms: u64) {
        let channel = event.channel.and_then(|id| world.channels.get(&id));
        if channel.is_some_and(|channel| !world.is_viewable(channel)) {
            return;
        }
        let ttl = self.session_ttl_ms;
        for session in self.sessions.values_mut() {
            let dead = session.link.is_none() && session.lost_ms + ttl < now_ms;
            let (shard, shards) = session.shard;
            let elsewhere = (world.guild.id >> 22) % shards != shard;
            if dead || elsewhere || event.intent != 0 && session.intents & event.intent == 0 {
                continue;
            }
            let blank = event.blank.as_ref().filter(|_| session.intents & intent::MESSAGE_CONTENT == 0);
            session.dispatch(event.name, blank.unwrap_or(&event.data), &self.disturbance);
        }
        self.disturbance.lose = self.disturbance.lose.saturating_sub(1);
        self.disturbance.duplicate = self.disturbance.duplicate.saturating_sub(1);
        self.disturbance.swap = false;
    }

    /// Returns the number of sessions that have a connection.
    pub(crate) fn connected(&self) -> usize {
        self.sessions.values().filter(|session| session.link.is_some()).count()
    }

    /// Applies a fault; returns the number of sessions that had a connection.
    pub(crate) fn fault(&mut self, world: &World, fault: &GatewayFault, now_ms: u64) -> usize {
        let connected = self.connected();
        match fault {
            GatewayFault::Drop => self.tell(|| Out::Drop),
            GatewayFault::Close { code } => {
                let code = *code;
                self.tell(|| Out::Close(code, "closed on demand"));
                if matches!(code, 1000 | 1001 | 4004 | 4007 | 4009..=4014) {
                    self.sessions.clear();
                }
            }
            GatewayFault::Reconnect => self.tell(|| Out::Send(r#"{"op":7,"d":null}"#.to_owned())),
            GatewayFault::InvalidSession { resumable } => {
                self.sessions.values_mut().for_each(|session| session.invalidate(*resumable, now_ms));
                if !resumable {
                    self.sessions.clear();
                }
            }
            GatewayFault::NoAck { on } => self.no_ack = *on,
            GatewayFault::AskHeartbeat => self.tell(|| Out::Send(r#"{"op":1,"d":null}"#.to_owned())),
            GatewayFault::Duplicate { count } => self.disturbance.duplicate = *count,
            GatewayFault::Swap => self.disturbance.swap = true,
            GatewayFault::Lose { count } => self.disturbance.lose = *count,
            GatewayFault::Hold { on } => {
                self.disturbance.hold = *on;
                if !on {
                    self.sessions.values_mut().for_each(Session::release);
                }
            }
            GatewayFault::UnknownEvent => {
                self.dispatch(world, &Event::guild("EVENT_OF_TOMORROW", json!({"value": 7})), now_ms);
            }
            GatewayFault::Event { name, data } => {
                for session in self.sessions.values_mut() {
                    session.dispatch(name, data, &self.disturbance);
                }
            }
            GatewayFault::UnknownOp => self.tell(|| Out::Send(r#"{"op":77,"d":{"value":7}}"#.to_owned())),
            GatewayFault::RefuseResume { count } => self.refuse_resume = *count,
            GatewayFault::ForgetEvents => self.sessions.values_mut().for_each(Session::forget),
            GatewayFault::Mute { on } => self.mute = *on,
            GatewayFault::Refuse { on } => {
                self.refuses = *on;
                if *on {
                    self.tell(|| Out::Drop);
                }
            }
            GatewayFault::SpendIdentifies { count } => self.identifies.extend(std::iter::repeat_n(now_ms, *count)),
            GatewayFault::PadGuild { bytes } => self.guild_padding = *bytes,
        }
        connected
    }

    fn tell(&self, out: impl Fn() -> Out) {
        self.sessions.values().for_each(|session| session.tell(out()));
    }
}

#[cfg(test)]
mod tests;
