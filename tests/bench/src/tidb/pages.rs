//! Pages of 50 messages over HTTP from a short and a long channel.

use super::{Server, open};
use crate::pages::{CHANNEL, Plan, measure};
use crate::{Failure, ingest};

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
    }
    Ok(())
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
