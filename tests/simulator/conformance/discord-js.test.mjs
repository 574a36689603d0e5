// Runs discord.js, unmodified, against the simulator.
//
//   cargo build -p discord-simulator
//   cd tests/simulator/conformance && npm install && npm test
//
// SIMULATOR is the path of the program if it is not in target/debug.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ChannelType, Client, Events, GatewayIntentBits } from 'discord.js';

const program = process.env.SIMULATOR
  ?? fileURLToPath(new URL('../../../target/debug/discord-simulator', import.meta.url));
const intents = [
  GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.GuildMessageReactions,
  GatewayIntentBits.GuildMessagePolls, GatewayIntentBits.MessageContent,
];

let simulator, address, client, guild;

async function control(path, body) {
  const reply = await fetch(`${address.api.replace('/api/v10', '/_sim')}/${path}`, {
    method: 'POST', body: JSON.stringify(body),
  });
  assert.equal(reply.status, 200, await reply.clone().text());
  return reply.json();
}

// Returns the events received from now until `done` is true.
function heard(event, done) {
  return new Promise((resolve) => {
    const all = [];
    const listen = (value) => {
      all.push(value);
      if (done(all)) {
        client.off(event, listen);
        resolve(all);
      }
    };
    client.on(event, listen);
  });
}

before(async () => {
  simulator = spawn(program, ['--seed', '1', '--guild', 'small', '--no-limits'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: simulator.stdout }), 'line');
  address = JSON.parse(line);
  client = new Client({ intents, rest: { api: address.api.replace('/v10', ''), globalRequestsPerSecond: 1000 } });
  const ready = once(client, Events.ClientReady);
  await client.login(address.token);
  await ready;
  guild = client.guilds.cache.get(address.guild_id);
});

after(async () => {
  await client?.destroy();
  simulator?.kill('SIGINT');
});

const channel = (name) => guild.channels.cache.find((one) => one.name === name);

test('it logs in and knows the guild', async () => {
  assert.equal(guild.available, true);
  assert.equal(client.user.username, 'archive-keeper');
  const fetched = await guild.channels.fetch();
  assert.equal(fetched.size, 25);
  assert.ok((await guild.roles.fetch()).size > 10);
});

test('it pages through all messages of a channel', async () => {
  const general = channel('general');
  const ids = new Set();
  for (let last; ;) {
    const page = await general.messages.fetch({ limit: 100, before: last, cache: false });
    if (page.size === 0) break;
    for (const id of page.keys()) ids.add(id);
    last = [...page.keys()].map(BigInt).reduce((one, other) => (other < one ? other : one)).toString();
  }
  const ledger = await (await fetch(`${address.api.replace('/api/v10', '/_sim')}/ledger?channel=${general.id}`)).json();
  assert.ok(ids.size > 250);
  assert.equal(ids.size, ledger.count);
});

test('it lists active and archived threads', async () => {
  const active = await guild.channels.fetchActiveThreads();
  assert.ok(active.threads.size > 5);
  const help = channel('help');
  assert.equal(help.type, ChannelType.GuildForum);
  const archived = await help.threads.fetchArchived({ limit: 2 });
  assert.equal(archived.threads.size, 2);
  assert.equal(archived.hasMore, true);
  const oldest = [...archived.threads.values()].at(-1);
  const more = await help.threads.fetchArchived({ limit: 100, before: oldest.archivedAt });
  assert.ok(more.threads.size > 0);
  assert.ok(![...more.threads.keys()].some((id) => archived.threads.has(id)));
});

test('it reads pins, reactions and single messages', async () => {
  const general = channel('general');
  const pins = await general.messages.fetchPins();
  assert.ok(pins.items.length > 5);
  const page = await general.messages.fetch({ limit: 100 });
  const reacted = page.find((message) => message.reactions.cache.some((one) => /^\P{ASCII}/u.test(one.emoji.name ?? '')));
  const reaction = reacted.reactions.cache.first();
  assert.ok((await reaction.users.fetch({ limit: 100 })).size > 0);
  assert.equal((await general.messages.fetch(reacted.id)).id, reacted.id);
});

test('it hears what people do', async () => {
  const general = channel('general');
  const created = heard(Events.MessageCreate, (all) => all.length === 1);
  const { id } = await control('act', { op: 'send', channel_id: general.id, content: 'hello' });
  assert.equal((await created)[0].content, 'hello');
  const updated = once(client, Events.MessageUpdate);
  await control('act', { op: 'edit', channel_id: general.id, message_id: id, content: 'changed' });
  assert.equal((await updated)[1].content, 'changed');
  const reacted = once(client, Events.MessageReactionAdd);
  await control('act', { op: 'react', channel_id: general.id, message_id: id, emoji: '🦦' });
  assert.equal((await reacted)[0].emoji.name, '🦦');
  const thread = once(client, Events.ThreadCreate);
  await control('act', { op: 'create_thread', channel_id: general.id, name: 'talk', message_id: id });
  assert.equal((await thread)[0].name, 'talk');
  const deleted = once(client, Events.MessageDelete);
  await control('act', { op: 'delete', channel_id: general.id, message_ids: [id] });
  assert.equal((await deleted)[0].id, id);
});

for (const fault of [{ type: 'reconnect' }, { type: 'drop' }, { type: 'invalid_session', resumable: true }, { type: 'close', code: 4000 }]) {
  test(`it resumes without loss after ${JSON.stringify(fault)}`, async () => {
    const general = channel('general');
    const resumed = once(client, Events.ShardResume);
    const messages = heard(Events.MessageCreate, (all) => all.length === 2);
    await control('act', { op: 'send', channel_id: general.id, content: 'before' });
    assert.equal((await control('gateway', fault)).connections, 1);
    await control('act', { op: 'send', channel_id: general.id, content: 'after' });
    await resumed;
    assert.deepEqual((await messages).map((message) => message.content), ['before', 'after']);
  });
}
