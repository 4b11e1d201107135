// An OpenID Connect provider with the lab's users, and its hubs as the clients.
//
// `init` makes /etc/hublab/provider.json (client, cookie key) and accounts.json (name -> password). The
// accounts are read at each question, so that a name that is taken out is gone at once. What else a
// scenario wants of the provider stands in options.json, which is read when the program starts: `delay`,
// path -> seconds before an answer, and settings of oidc-provider (`ttl`, `clockTolerance`). Sessions,
// codes and tokens are in memory, so that a restart forgets them; keys of signatures are in a file.
import { createHash, generateKeyPairSync, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import Provider from 'oidc-provider';

const PORT = 9000;
const ETC = '/etc/hublab';
const KEYS = '/srv/provider/keys.json';
const TTL = Object.fromEntries(
  ['AccessToken', 'Grant', 'IdToken', 'Interaction', 'RefreshToken', 'Session'].map((one) => [one, 3600]),
);

const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const lab = read(`${ETC}/provider.json`);
const given = existsSync(`${ETC}/options.json`) ? read(`${ETC}/options.json`) : {};
const { delay = {}, ttl = {}, ...options } = given;
const accounts = () => read(`${ETC}/accounts.json`);
const digest = (value) => createHash('sha256').update(value ?? '').digest();

function isPassword(name, password) {
  const known = accounts();
  return Object.hasOwn(known, name) && timingSafeEqual(digest(known[name]), digest(password));
}

if (!existsSync(KEYS)) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };
  writeFileSync(KEYS, JSON.stringify({ keys: [key] }), { mode: 0o600 });
}

// A hub's addresses on this machine's loopback: the Compose file has the ports in a variable.
const loopback = (variable) => (process.env[variable] ?? '').split(' ').filter(Boolean)
  .map((port) => `http://127.0.0.1:${port}`);

const provider = new Provider(`http://${lab.name}:${PORT}`, {
  clients: lab.clients.map(({ addresses, callback, ports, ...client }) => ({
    ...client,
    redirect_uris: [...addresses, ...loopback(ports)].map((address) => address + callback),
    post_logout_redirect_uris: addresses.map((address) => `${address}/hub/login`),
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_post',
  })),
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'] },
  cookies: { keys: [lab.cookie_key] },
  features: { devInteractions: { enabled: false } },
  jwks: read(KEYS),
  ttl: { ...TTL, ...ttl },
  findAccount: (ctx, name) => (Object.hasOwn(accounts(), name) ? {
    accountId: name,
    claims: () => ({ sub: name, name: `${name} of the lab`, preferred_username: name }),
  } : undefined),
  interactions: { url: (ctx, { uid }) => `/interaction/${uid}` },
  // The hub is the lab's own, so that nobody is asked whether it may know a name.
  loadExistingGrant: async (ctx) => {
    const { client, session } = ctx.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid profile');
    await grant.save();
    return grant;
  },
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  ...options,
});

const form = (said) => `<!doctype html><title>Sign in</title><h1>Sign in</h1><p>${said}</p>
<form method="post">
<p><label>User <input name="username" autocomplete="username" autofocus></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>
<p><button>Sign in</button> <button name="cancel" value="yes">Cancel</button></p>
</form>`;

// One line a request: who asks for what. No query, for it may hold a code or a token.
provider.use(async (ctx, next) => {
  const begun = Date.now();
  const place = ctx.path.startsWith('/interaction/') ? '/interaction' : ctx.path;
  await setTimeout(1000 * (delay[place] ?? 0));
  try {
    await next();
  } finally {
    const { method, status } = ctx;
    const path = place.startsWith('/auth/') ? '/auth/resume' : place;
    const from = ctx.ip.replace('::ffff:', '');
    const seconds = (Date.now() - begun) / 1000;
    console.log('REQUEST', JSON.stringify({ from, method, path, status, seconds }));
  }
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  await provider.interactionDetails(ctx.req, ctx.res);
  ctx.type = 'html';
  if (ctx.method !== 'POST') {
    ctx.body = form('The lab\'s identity provider asks who you are.');
    return undefined;
  }
  const typed = new URLSearchParams(await text(ctx.req));
  const name = typed.get('username') ?? '';
  let result;
  if (typed.has('cancel')) {
    result = { error: 'access_denied', error_description: 'the user has cancelled the sign-in' };
  } else if (isPassword(name, typed.get('password'))) {
    result = { login: { accountId: name } };
  } else {
    ctx.status = 403;
    ctx.body = form('There is no such user with this password.');
    return undefined;
  }
  ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result));
  ctx.status = 303;
  return undefined;
});

provider.listen(PORT, () => console.log(`the identity provider listens on port ${PORT}`));
