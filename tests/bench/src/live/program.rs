//! The program, which copies the guild of a simulator and serves it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::Value;
use tokio::time::sleep;

use super::{Channel, Client, first_channels};
use crate::memory::Resident;
use crate::simulator::Simulator;
use crate::{Failure, beside};

const ADMIN_KEY: &str = "measurements-only";
/// The wait between two looks at the jobs.
const LOOK: Duration = Duration::from_millis(100);

/// The program, which is killed when the value is dropped.
pub(super) struct Program {
    process: Child,
    pub(super) address: SocketAddr,
}

impl Program {
    /// Starts `verta serve` for the guild of `simulator`, with its files in `folder`.
    pub(super) fn start(simulator: &Simulator, database: &str, folder: &Path) -> Result<Self, Failure> {
        let program = beside("verta")?;
        let command = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            command
                .args(arguments)
                .env("DATABASE_URL", database)
                .env("DISCORD_API_URL", &simulator.discord.api)
                .env("DISCORD_BOT_TOKEN", &simulator.discord.token)
                .env("PSEUDONYM_KEY", "07".repeat(32))
                .env("ADMIN_API_KEY", ADMIN_KEY)
                .env("BIND", "127.0.0.1:0")
                .env("RATE_LIMIT", "0")
                .env("MEDIA_URL", format!("folder:{}", folder.join("media").display()))
                .env("INDEX_DIR", folder.join("index"))
                .env("LOG", "warn");
            command
        };
        let made = command(&["tenant", "create", &simulator.discord.guild_id, "Simulated"]).output()?;
        if !made.status.success() {
            return Err(format!("no empty archive: {}", String::from_utf8_lossy(&made.stderr).trim()).into());
        }
        let mut process = command(&["serve"]).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(process.stderr.take().ok_or("no output")?).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("Verta is at http://").map(str::to_owned));
        let Some(address) = address else {
            return Err(format!("verta serve ended: {}", process.wait()?).into());
        };
        std::thread::spawn(move || lines.for_each(|line| eprintln!("    {line}")));
        Ok(Self { process, address: address.parse()? })
    }

    /// Returns a response; `None` if the database did not give it, which may pass.
    async fn get(&self, path: &str) -> Result<Option<Value>, Failure> {
        let request = Request::get(path).header("host", "bench").header("authorization", format!("Bearer {ADMIN_KEY}"));
        let request = request.body(Full::<Bytes>::default())?;
        let (status, body) = Client::connect(self.address).await?.send(request).await?;
        if status.is_server_error() {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&body)?))
    }

    /// Returns whether there was a sync, and all of them have succeeded.
    pub(super) async fn has_done_all(&self) -> Result<bool, Failure> {
        let Some(jobs) = self.get("/api/v1/admin/tenants/simulated/jobs").await? else { return Ok(false) };
        let jobs = jobs["items"].as_array().ok_or("no list of jobs")?;
        if let Some(failed) = jobs.iter().find(|job| job["state"] == "failed") {
            return Err(format!("a sync failed: {}", failed["error"]).into());
        }
        Ok(!jobs.is_empty() && jobs.iter().all(|job| job["state"] == "done"))
    }

    /// Waits until there was a sync, and all of them are over.
    pub(super) async fn until_idle(&self) -> Result<(), Failure> {
        while !self.has_done_all().await? {
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Returns the channels to write in, once they are stored.
    pub(super) async fn channels(&self) -> Result<Vec<Channel>, Failure> {
        self.until_idle().await?;
        let list = self.get("/api/v1/tenants/simulated/channels?type=0").await?;
        first_channels(&list.ok_or("no list of channels")?)
    }

    /// Returns the memory that it uses.
    pub(super) fn memory(&self) -> Result<Resident, Failure> {
        Resident::of(self.process.id()).ok_or_else(|| "the kernel does not tell the memory".into())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
