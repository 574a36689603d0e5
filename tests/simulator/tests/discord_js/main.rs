//! Runs discord.js, unmodified, against the simulator.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail as a test does")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use discord_simulator::{Act, Archive, ChannelPlan, GatewayFault, Options, Origin, Simulator, ThreadPlan, kind};
use serde_json::{Map, Value};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// The longest silence of the client.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node process that prints the events seen by discord.js.
struct Client {
    process: Child,
    lines: UnboundedReceiver<Value>,
}

impl Client {
    fn start(simulator: &Simulator) -> Self {
        let folder = std::env::var("DISCORD_JS").expect("DISCORD_JS names the folder where npm installed discord.js");
        let mut process = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/discord_js/client.cjs"))
            .env("NODE_PATH", Path::new(&folder).join("node_modules"))
            // discord.js adds the version itself.
            .env("API", simulator.api_url().trim_end_matches("/v10"))
            .env("TOKEN", simulator.token())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs");
        let (sender, lines) = unbounded_channel();
        let output = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { process, lines }
    }

    /// Returns the next event that it prints, which must be this one.
    async fn next(&mut self, event: &str) -> Value {
        let line = timeout(PATIENCE, self.lines.recv()).await.expect("it says something").expect("it goes on");
        assert_eq!(line["event"], event, "{line}");
        line
    }

    /// Returns the contents of the messages received until it has resumed its session after `fault`.
    async fn until_resumed(&mut self, fault: &GatewayFault) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let line = timeout(PATIENCE, self.lines.recv()).await.expect("it says something").expect("it goes on");
            match line["event"].as_str().unwrap() {
                "message" => heard.push(line["content"].as_str().unwrap().to_owned()),
                "resumed" => return heard,
                _ => panic!("{line} behind {fault:?} and {heard:?}"),
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn ids(list: &Value) -> BTreeSet<u64> {
    let all: Vec<u64> = list.as_array().unwrap().iter().map(|id| id.as_str().unwrap().parse().unwrap()).collect();
    let once: BTreeSet<u64> = all.iter().copied().collect();
    assert_eq!(once.len(), all.len(), "none comes twice");
    once
}

fn say(simulator: &Simulator, channel_id: u64, content: &str) -> Value {
    simulator.act(Act::Send { channel_id, content: content.to_owned(), raw: Map::new() }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node and discord.js"]
async fn discord_js_14_logs_in_lists_threads_pages_250_messages_and_resumes() {
    let thread = ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Message, 3);
    let mut threads = vec![thread.clone(); 3];
    threads.extend(vec![thread.archived(Archive::AfterLast); 130]);
    let plan = vec![ChannelPlan::new("general", kind::TEXT, 250).threads(threads)];
    let simulator = Simulator::start(Options::planned(1, plan).unlimited()).await.unwrap();
    let general = simulator.channel("general").unwrap();
    let mut client = Client::start(&simulator);

    client.next("session").await;
    let ready = client.next("ready").await;
    assert!(ready["version"].as_str().unwrap().starts_with("14."), "{ready}");
    assert_eq!(ready["guild"], simulator.guild_id().to_string());
    let listed = client.next("threads").await;
    let (active, archived) = (ids(&listed["active"]), ids(&listed["archived"]));
    assert_eq!((active.len(), archived.len()), (3, 130));
    assert_eq!(active.union(&archived).copied().collect::<Vec<_>>(), simulator.threads(general));
    let messages = client.next("messages").await;
    let all = simulator.messages(general, 0, usize::MAX);
    assert_eq!(
        ids(&messages["ids"]),
        all.iter().map(|message| message["id"].as_str().unwrap().parse().unwrap()).collect()
    );
    assert_eq!(all.len(), 250);

    let sent = say(&simulator, general, "live");
    let heard = client.next("message").await;
    assert_eq!((&heard["id"], heard["content"].as_str()), (&sent["id"], Some("live")));
    let message_id = sent["id"].as_str().unwrap().parse().unwrap();
    let edit = Act::Edit { channel_id: general, message_id, content: Some("edited".to_owned()), raw: Map::new() };
    simulator.act(edit).unwrap();
    assert_eq!(client.next("update").await["content"], "edited");
    simulator.act(Act::Delete { channel_id: general, message_ids: vec![message_id], bulk: false }).unwrap();
    assert_eq!(client.next("delete").await["id"], sent["id"]);

    for fault in [GatewayFault::Reconnect, GatewayFault::Drop, GatewayFault::Close { code: 4000 }] {
        say(&simulator, general, "before");
        simulator.gateway_fault(&fault);
        say(&simulator, general, "after");
        // A new session would be reported as one.
        assert_eq!(client.until_resumed(&fault).await, ["before", "after"], "{fault:?}");
    }
}
