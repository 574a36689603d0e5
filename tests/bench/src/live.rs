//! A guild followed by its events: the time from sending a message until readers have it, the highest rate that is
//! followed, and the peak at which a backlog is stored. The simulator and the program are processes of their own.

mod program;
mod rows;
mod watch;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use self::program::Program;
use self::watch::Watch;
use crate::Failure;
use crate::pages::Client;
use crate::simulator::{Control, Simulator};
use crate::took::Took;

/// The channels that people write in.
const CHANNELS: usize = 4;
/// The median delay of the last messages of a rate from which the program has fallen behind.
const BEHIND: Duration = Duration::from_millis(500);
const TEXT: &str = "the firmware layer boots again after a reset and my left half still loses its debounce setting";

/// The scope of a measurement.
pub struct Plan {
    /// A `DATABASE_URL` of an empty archive; a file in a temporary folder if `None`.
    pub database: Option<String>,
    /// The number of messages that are sent in a second while the delay is measured.
    pub per_second: u32,
    /// The rates that are tried, in messages a second, until one is not followed.
    pub rates: Vec<u32>,
    /// The duration of each of these.
    pub seconds: u64,
    /// The number of messages in the backlog.
    pub backlog: u32,
}

/// A channel that is written in.
struct Channel {
    platform_id: String,
    id: String,
}

/// The sending of a message.
struct Sending {
    at: Instant,
    /// The id of its channel in the API.
    channel: String,
}

/// The messages that were sent, by id.
type Sent = HashMap<u64, Sending>;

/// Runs the measurements and prints them.
///
/// # Errors
/// If a process cannot be started, or messages do not arrive.
pub async fn run(plan: &Plan) -> Result<(), Failure> {
    let scratch = tempfile::tempdir()?;
    let file = scratch.path().join("verta.db");
    let database = plan.database.clone().unwrap_or_else(|| format!("sqlite:{}", file.display()));
    let simulator = Simulator::start("small", 1)?;
    let program = Program::start(&simulator, &database, scratch.path())?;
    let mut control = Control::of(&simulator).await?;
    let channels = program.channels().await?;
    let mut stream = Watch::stream(program.address).await?;
    let mut socket = Watch::socket(&simulator).await?;
    // The first sync is over, and so is the one that the first event requests.
    loop {
        program.until_idle().await?;
        let probe = send(&mut control, &channels[..1], 1, 1).await?;
        stream.all(&probe).await?;
        if program.has_done_all().await? {
            break;
        }
    }
    delays(plan, &program, &mut control, &channels, (&mut stream, &mut socket)).await?;
    rates(plan, &mut control, &channels, &mut stream).await?;
    let (ours, raw) = backlog(plan, &mut control, &channels, (&mut stream, &mut socket)).await?;
    println!("  {}", program.memory()?);
    drop((stream, program));
    let inserted = rows::insert(&database, scratch.path(), &channels[0].id).await?;
    println!(
        "  a backlog of {}: {ours:.0} messages/s until they are on a stream; ratio {:.2} to a raw socket ({raw:.0}/s), \
         {:.2} to raw inserts of the rows one by one ({inserted:.0}/s)",
        plan.backlog,
        ours / raw,
        ours / inserted
    );
    Ok(())
}

/// Prints the delays at a low rate, through the API, a stream, and a socket of the gateway.
async fn delays(
    plan: &Plan,
    program: &Program,
    control: &mut Control,
    channels: &[Channel],
    (stream, socket): (&mut Watch, &mut Watch),
) -> Result<(), Failure> {
    let mut api = Watch::api(program.address, &channels[0].platform_id).await?;
    let sent = send(control, channels, plan.per_second, plan.seconds).await?;
    println!("{} messages/s in {} channels for {} s, from sending", plan.per_second, channels.len(), plan.seconds);
    let raw = socket.all(&sent).await?;
    println!("  to a socket of the gateway: {raw}");
    println!("  to a stream:                {}", stream.all(&sent).await?);
    let polled = sent.into_iter().filter(|(_, sending)| sending.channel == channels[0].id).collect();
    println!("  to the API:                 {}", api.all(&polled).await?);
    Ok(())
}

/// Prints the delays at growing rates, until one is not followed.
async fn rates(plan: &Plan, control: &mut Control, channels: &[Channel], stream: &mut Watch) -> Result<(), Failure> {
    println!("rates of {} s each, from sending to a stream", plan.seconds);
    let mut best = 0.0;
    for rate in &plan.rates {
        let start = Instant::now();
        let sent = send(control, channels, *rate, plan.seconds).await?;
        let took = start.elapsed();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let reached = sent.len() as f64 / took.as_secs_f64();
        let all = stream.all(&sent).await?;
        let from = start + took.mul_f64(0.9);
        let last = sent.into_iter().filter(|(_, sending)| sending.at >= from).collect();
        let last = stream.all(&last).await?;
        let holds = last.at(50) < BEHIND.as_secs_f64() * 1_000.0;
        let verdict = if holds { "followed" } else { "not followed" };
        println!("  {rate:5}/s, {reached:5.0} sent: {all}; of the last tenth: p50 {:.0} ms: {verdict}", last.at(50));
        if !holds {
            break;
        }
        best = reached;
    }
    println!("  the highest rate that was followed: {best:.0} messages/s");
    Ok(())
}

/// Sends messages whose events arrive all at once; returns the messages a second to a stream, and to a socket.
async fn backlog(
    plan: &Plan,
    control: &mut Control,
    channels: &[Channel],
    (stream, socket): (&mut Watch, &mut Watch),
) -> Result<(f64, f64), Failure> {
    control.post("gateway", &json!({"type": "hold", "on": true})).await?;
    let mut sent = Sent::new();
    for number in 0..plan.backlog as usize {
        say(control, &channels[number % channels.len()], number, &mut sent).await?;
    }
    let start = Instant::now();
    control.post("gateway", &json!({"type": "hold", "on": false})).await?;
    for sending in sent.values_mut() {
        sending.at = start;
    }
    let rate = |took: &Took| f64::from(plan.backlog) * 1_000.0 / took.at(100);
    Ok((rate(&stream.all(&sent).await?), rate(&socket.all(&sent).await?)))
}

/// Sends messages at a rate, to each channel in turn.
async fn send(control: &mut Control, channels: &[Channel], per_second: u32, seconds: u64) -> Result<Sent, Failure> {
    let mut ticks = interval(Duration::from_secs(1) / per_second.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let count = usize::try_from(u64::from(per_second) * seconds)?;
    let mut sent = Sent::with_capacity(count);
    for number in 0..count {
        ticks.tick().await;
        say(control, &channels[number % channels.len()], number, &mut sent).await?;
    }
    Ok(sent)
}

/// Sends a message.
async fn say(control: &mut Control, channel: &Channel, number: usize, sent: &mut Sent) -> Result<(), Failure> {
    let words = &TEXT[..TEXT.len() - number * 7 % 60];
    let act = json!({"op": "send", "channel_id": channel.platform_id, "content": format!("{number} {words}")});
    let at = Instant::now();
    let answer = control.post("act", &act).await?;
    let id = answer["id"].as_str().ok_or("no id")?.parse()?;
    sent.insert(id, Sending { at, channel: channel.id.clone() });
    Ok(())
}

/// Returns the first text channels of a list of the API.
fn first_channels(list: &Value) -> Result<Vec<Channel>, Failure> {
    let channel = |channel: &Value| {
        let text = |field: &str| channel[field].as_str().map(str::to_owned);
        Some(Channel { platform_id: text("platform_id")?, id: text("id")? })
    };
    let all: Vec<_> = list["items"].as_array().into_iter().flatten().filter_map(channel).take(CHANNELS).collect();
    if all.len() < CHANNELS { Err("the guild has too few channels".into()) } else { Ok(all) }
}
