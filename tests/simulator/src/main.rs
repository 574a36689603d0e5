//! Runs the simulator alone. The first line on standard output has its addresses and the token.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use discord_simulator::{GuildSize, Options, Simulator};
use serde_json::json;

/// A local Discord.
#[derive(Debug, Parser)]
struct Arguments {
    /// The seed of the guild: the same seed generates the same guild.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The size of the guild.
    #[arg(long, value_enum, default_value_t = GuildSize::Small)]
    guild: GuildSize,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The latency of every response of the REST API.
    #[arg(long, default_value_t = 0)]
    rest_latency_ms: u64,
    /// Disables rate limits.
    #[arg(long)]
    no_limits: bool,
    /// People talk in the guild's channels `general` and `lounge`.
    #[arg(long)]
    talk: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut options = Options::new(arguments.seed, arguments.guild);
    options.port = arguments.port;
    options.rest_latency_ms = arguments.rest_latency_ms;
    options.limits.enabled = !arguments.no_limits;
    match run(options, arguments.talk).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("discord-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options, talk: bool) -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::start(options).await?;
    let line = json!({
        "api": simulator.api_url(), "gateway": simulator.gateway_url(), "token": simulator.token(),
        "guild_id": simulator.guild_id().to_string(),
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    drop(out);
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped?,
        failed = simulator.talk(), if talk => failed?,
    }
    Ok(())
}
