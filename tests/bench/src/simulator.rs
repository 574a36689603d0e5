//! A simulated Discord in a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::pages::Client;
use crate::{Failure, beside};

/// The addresses, the token and the guild of a simulator.
#[derive(Deserialize)]
pub(crate) struct Discord {
    pub(crate) api: String,
    pub(crate) token: String,
    pub(crate) guild_id: String,
}

/// A simulator without limits, which is killed when the value is dropped.
pub(crate) struct Simulator {
    process: Child,
    pub(crate) address: SocketAddr,
    pub(crate) discord: Discord,
}

impl Simulator {
    /// Starts a simulator of a guild of this size and seed.
    pub(crate) fn start(guild: &str, seed: u64) -> Result<Self, Failure> {
        let mut process = Command::new(beside("discord-simulator")?)
            .args(["--no-limits", "--guild", guild, "--seed", &seed.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let discord: Discord = serde_json::from_str(&line)?;
        let authority = discord.api.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let address = authority.ok_or("the simulator says no address")?.parse()?;
        Ok(Self { process, address, discord })
    }

    pub(crate) async fn ask(&self, path: &str) -> Result<Value, Failure> {
        Ok(serde_json::from_slice(&Client::connect(self.address).await?.get(path).await?)?)
    }

    /// Returns the number of requests made so far.
    pub(crate) async fn requests(&self) -> Result<u64, Failure> {
        let totals = self.ask("/_sim/totals").await?;
        totals["requests"].as_u64().ok_or_else(|| "the simulator counts nothing".into())
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A connection to the simulator's control.
pub(crate) struct Control(Client);

impl Control {
    pub(crate) async fn of(simulator: &Simulator) -> Result<Self, Failure> {
        Ok(Self(Client::connect(simulator.address).await?))
    }

    /// Posts to an address below `/_sim`; returns the response.
    pub(crate) async fn post(&mut self, what: &str, body: &Value) -> Result<Value, Failure> {
        let request = Request::post(format!("/_sim/{what}")).header("host", "bench");
        let (status, answer) = self.0.send(request.body(Full::new(Bytes::from(body.to_string())))?).await?;
        if status != StatusCode::OK {
            return Err(format!("/_sim/{what} answers {status}: {}", String::from_utf8_lossy(&answer)).into());
        }
        Ok(serde_json::from_slice(&answer)?)
    }
}
