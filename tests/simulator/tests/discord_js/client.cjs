// Prints the events that discord.js receives from the Discord at API, one line of JSON each.
const { Client, Events, GatewayIntentBits, version } = require('discord.js');

const say = (event, fields) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
const { Guilds, GuildMessages, MessageContent } = GatewayIntentBits;
const client = new Client({ intents: [Guilds, GuildMessages, MessageContent], rest: { api: process.env.API } });

// Returns every message of a channel, newest first, by paging back.
async function walk(channel) {
  const ids = [];
  let before;
  for (;;) {
    const page = await channel.messages.fetch({ limit: 100, before, cache: false });
    if (page.size === 0) return ids;
    ids.push(...page.keys());
    before = page.reduce((low, { id }) => (BigInt(id) < BigInt(low) ? id : low), page.firstKey());
  }
}

async function archived(channel) {
  const ids = [];
  let before;
  for (;;) {
    const { threads, hasMore } = await channel.threads.fetchArchived({ limit: 100, before }, false);
    ids.push(...threads.keys());
    if (!hasMore) return ids;
    before = threads.last();
  }
}

client.once(Events.ClientReady, async () => {
  const guild = client.guilds.cache.first();
  say('ready', { version, user: client.user.id, guild: guild.id, channels: guild.channels.cache.size });
  const channel = guild.channels.cache.find(({ name }) => name === 'general');
  const { threads } = await guild.channels.fetchActiveThreads(false);
  say('threads', { active: [...threads.keys()], archived: await archived(channel) });
  say('messages', { ids: await walk(channel) });
});
client.on(Events.MessageCreate, ({ id, content }) => say('message', { id, content }));
client.on(Events.MessageUpdate, (_, { id, content }) => say('update', { id, content }));
client.on(Events.MessageDelete, ({ id }) => say('delete', { id }));
client.on(Events.ThreadCreate, ({ id, name }) => say('thread', { id, name }));
client.on(Events.ShardResume, (_, replayed) => say('resumed', { replayed }));
client.on(Events.ShardReady, () => say('session', {}));
client.on(Events.Error, (error) => say('error', { text: String(error) }));
process.on('unhandledRejection', (error) => {
  say('error', { text: String(error?.stack ?? error) });
  process.exit(1);
});
// The parent process ends this one by closing its input.
process.stdin.on('end', () => process.exit(0)).resume();
client.login(process.env.TOKEN);
