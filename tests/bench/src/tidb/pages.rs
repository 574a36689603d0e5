//! Pages of 50 messages over HTTP from a short and a long channel, and the statements of a page by the driver alone.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, TxOpts};

use super::{Server, connect, open};
use crate::cached::uncached;
use crate::pages::{CHANNEL, Exchange, Figures, Plan, measure, timed};
use crate::{Failure, generate, ingest};

/// The statement of a page without anything that belongs to its messages.
const PAGE: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        *
    FROM messages
    WHERE channel_id = ?
        AND message_id < ?
    ORDER BY message_id DESC
    LIMIT 51
";

/// The statements of what belongs to the messages of a page.
const PARTS: [&str; 3] = [
    "SELECT * FROM attachments WHERE channel_id = ? AND message_id BETWEEN ? AND ?",
    "SELECT * FROM reactions WHERE channel_id = ? AND message_id BETWEEN ? AND ?",
    "SELECT * FROM media WHERE channel_id = ? AND message_id BETWEEN ? AND ?",
];

/// Runs the rounds and prints them; the databases are kept for the next run.
///
/// # Errors
/// If a database cannot be filled, or the server responds with a status other than 200.
pub async fn run(server: &Server, plan: &Plan) -> Result<(), Failure> {
    println!("pages on {}; {} connections, {} s each", server.version().await?, plan.connections, plan.seconds);
    let (short, long) = (database(server, plan.short).await?, database(server, plan.long).await?);
    for round in 1..=plan.rounds {
        let of_short = measure("serve", short.as_ref(), plan.short, plan).await?;
        let of_long = measure("serve", long.as_ref(), plan.long, plan).await?;
        println!("  round {round}: {} messages: {of_short}", plan.short);
        println!("           {} messages: {of_long}; {}", plan.long, of_long.against(&of_short));
        let made = uncached(long.as_ref(), plan.long, plan).await?;
        println!("           not cached: {made}");
        for (name, is_whole) in [("with all that belongs to it, in one snapshot", true), ("alone", false)] {
            let raw = statements(server, plan, is_whole).await?;
            println!("           the page by the driver, {name}: {raw}; {}", made.against(&raw));
        }
    }
    Ok(())
}

/// Runs the statement of a page at random positions, or all statements of a page that `is_whole`.
async fn statements(server: &Server, plan: &Plan, is_whole: bool) -> Result<Figures, Failure> {
    let url = server.database(&format!("verta_bench_{}", plan.long)).await?;
    let mut clients = Vec::new();
    for _ in 0..plan.connections {
        let mut connection = connect(&url).await?;
        let of_slug = "SELECT channel_id FROM channels WHERE slug = ?";
        let channel = connection.exec_first(of_slug, (CHANNEL,)).await?;
        clients.push(Statements { connection, channel, messages: plan.long, is_whole });
    }
    timed(clients, plan).await
}

/// A connection that reads pages at random positions of a channel.
struct Statements {
    connection: Conn,
    channel: Option<String>,
    messages: u64,
    is_whole: bool,
}

impl Exchange for Statements {
    async fn exchange(&mut self, random: u64) -> Result<(), Failure> {
        let number = random % self.messages;
        let before = generate::message_id(number).get();
        if !self.is_whole {
            let _: Vec<Row> = self.connection.exec(PAGE, (&self.channel, before)).await?;
            return Ok(());
        }
        let mut of_snapshot = TxOpts::new();
        of_snapshot.with_consistent_snapshot(true);
        let mut snapshot = self.connection.start_transaction(of_snapshot).await?;
        let _: Vec<Row> = snapshot.exec(PAGE, (&self.channel, before)).await?;
        let first = generate::message_id(number.saturating_sub(51)).get();
        for part in PARTS {
            let _: Vec<Row> = snapshot.exec(part, (&self.channel, first, before)).await?;
        }
        Ok(snapshot.rollback().await?)
    }
}

/// Returns the address of the database with a channel of that many messages, which is filled if it is not full.
async fn database(server: &Server, messages: u64) -> Result<String, Failure> {
    let name = format!("verta_bench_{messages}");
    let store = open(&server.database(&name).await?, 1).await?;
    let channel = ingest::prepare(&store, CHANNEL, super::now()?).await?;
    let held = {
        use ports::store::Store;
        let mut snapshot = store.read().await?;
        snapshot.channels().find(channel).await?.map_or(0, |channel| channel.stats.message_count)
    };
    if held < messages {
        // A page from an earlier run is stored again without harm, and begins at the same message as then.
        let from = held - held % 1_000;
        let seconds = ingest::fill(&store, channel, (from, messages), 1_000, super::now()?).await?;
        println!("stored {} messages in {seconds:.0} s", messages - from);
    }
    store.close().await;
    server.address(&name)
}
