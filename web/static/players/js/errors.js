// Failures in plain words: what is wrong, and what the person can do about it.
// Pure: an error and its circumstances come in, sentences go out.

// Each explanation is {title, text, hints}; all three are shown as text only.
function say(title, text, ...hints) {
  return { title, text, hints: hints.filter(Boolean) };
}

export function hostOf(url) {
  return /^\w+:\/\/([^/?#]+)/.exec(url ?? '')?.[1] ?? String(url ?? '');
}

// insecurePage is for a page that may not ask for the camera at all.
export function insecurePage(here) {
  const local = `http://localhost${here.port ? `:${here.port}` : ''}${here.pathname}${here.search}`;
  return say(
    'This browser hides the camera from this page',
    `Browsers hand over a camera only to pages that came by HTTPS or from localhost. This page came from ${here.protocol}//${here.host}.`,
    `On the computer that runs the server, open ${local}`,
    `From any other computer, open https://${here.host}${here.pathname}${here.search} (if nothing answers there, start the server with SRS_HTTP_SERVER_HTTPS_ENABLED=on, or with SRS_ACME_ENABLED=on for a certificate that browsers trust).`,
    `Just for a test in Chrome or Edge: open chrome://flags/#unsafely-treat-insecure-origin-as-secure, add ${here.protocol}//${here.host} and restart the browser.`,
    'Watching needs none of this: it works over plain HTTP.');
}

// captureError explains what getUserMedia or getDisplayMedia threw.
export function captureError(error, { screen = false } = {}) {
  const thing = screen ? 'the screen' : 'the camera and microphone';
  switch (error?.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return say(`No permission to use ${thing}`, 'The browser, or the system behind it, said no.',
        screen ? 'Start again and choose what to share.' : 'Click the camera or lock icon in the address bar, allow the camera and microphone, then start again.',
        screen ? '' : 'On macOS and Windows, check that the system’s privacy settings let this browser use the camera.');
    case 'NotFoundError':
      return say('No camera or microphone found', 'The browser sees none on this computer.',
        'Plug one in, or switch it on, and start again.', 'Or choose “Share the screen” as the source.');
    case 'NotReadableError':
    case 'AbortError':
      return say('The camera or microphone is busy', 'Another program or tab seems to hold it.',
        'Close the other program or choose another device, then start again.');
    case 'OverconstrainedError':
      return say('The camera cannot do that', `It has no setting for the ${error.constraint || 'size'} asked for.`,
        'Choose another quality or another camera.');
    default:
      return say(`Could not start ${thing}`, String(error?.message || error || 'The browser gave no reason.'));
  }
}

// noPath explains an ICE failure by what was tried.
export function noPath(candidates, { tcpOnly = false } = {}) {
  const list = candidates.map((c) => `${c.transport} ${c.address.includes(':') ? `[${c.address}]` : c.address}:${c.port}`);
  if (list.length === 0) {
    return say('The server offered no address', 'Its answer holds no candidate to connect to.',
      'Start the server with CANDIDATE=<an address that viewers can reach>, or add ?eip=<address> to this page’s address.');
  }
  const ports = [...new Set(candidates.map((c) => `${c.transport} ${c.port}`))].join(' and ');
  return say('No way through to the server',
    `The page and the API arrive, but the media found no path. Tried ${list.join(', ')}.`,
    `Open ${ports} to the server in firewalls and cloud security groups${candidates.some((c) => c.transport === 'TCP') || tcpOnly ? ' (TCP alone is enough)' : ''}.`,
    'Is that an address this computer can reach? If not, start the server with CANDIDATE=<the right address>, or add ?eip=<address> to this page’s address.',
    candidates.some((c) => c.transport === 'TCP') ? '' : 'The server offers no TCP. Where UDP is blocked, switch RTC over TCP on: SRS_RTC_SERVER_TCP_ENABLED=on.');
}

// handshakeFailed: ICE found a path, DTLS did not come up over it.
export function handshakeFailed() {
  return say('The encrypted connection failed', 'A path to the server was found, but the DTLS handshake over it did not complete.',
    'Start again. If it stays so, the server’s log tells the reason.');
}

export function gaveUp(renewals, last) {
  const cause = last ? ` The last one ended with: ${last.title.toLowerCase()}.` : '';
  return say('The connection was lost', `${renewals} attempts to get it back failed.${cause}`,
    'Check the network and press the button to start again.');
}

const elsewhere = 'Check the API’s address, and its port: add ?api=<port> to this page’s address if the API has a port of its own.';

const httpWords = {
  400: ['The server could not use this request', 'Check the stream’s name and the address.'],
  401: ['The server wants a key', 'Add &token=… or &bearer=… to this page’s address, as your administrator gave it to you.'],
  403: ['The server does not allow it', 'Check the token or secret in this page’s address, and the server’s security rules.'],
  404: ['There is nothing at this address', elsewhere],
  405: ['This address does not take streams', elsewhere],
  406: ['No codec in common', 'This browser and the server (or the stream) have none they both can do. Choose another codec, or use another browser.'],
  409: ['Somebody is already publishing this stream', 'Choose another stream name (&stream=… in this page’s address), or stop the other publisher.'],
  413: ['The offer is too large', 'The server takes at most 256 KB of SDP.'],
  415: ['The server did not take the offer’s type', 'Is this address a WHIP or WHEP endpoint?'],
  429: ['Too many sessions from this address', 'Wait a few seconds, close other tabs, and try again.'],
  503: ['The server is full', 'Try again in a little while.'],
};

function httpError(error, { role }) {
  if (error.status === 403 && /\bis off\b/.test(error.reason)) {
    return say('WebRTC is switched off', `The server says: ${error.reason}`, 'Switch it on in the server’s configuration.');
  }
  const [title, ...hints] = { ...httpWords, ...(role === 'play' && {
    404: ['Nothing is there, or it is not live', elsewhere, 'Or publish the stream first; this page can be started again at any time.'],
    406: ['No codec in common', 'This browser cannot play what the publisher sends. Publish with another codec (&codec=h264 or vp8), or watch in another browser.'],
    409: ['The stream is busy', 'Try again in a moment.'],
  }) }[error.status] ?? [error.status >= 500 ? 'The server has a problem' : 'The server refused', 'The server’s log tells more.'];
  const reason = error.reason ? `The server says: ${error.reason}` : `The server answered with status ${error.status}.`;
  return say(title, reason, ...hints);
}

const jsonWords = {
  400: ['The server refused the request', 'It gives no reason here. Often the stream is published already, or its name, codec or token was not accepted.'],
  1028: ['Somebody is already publishing this stream', 'Choose another stream name, or stop the other publisher.'],
  5012: ['The server could not read the offer', 'The server’s log tells more.'],
  5018: ['No codec in common', 'Choose another codec, or use another browser.'],
  5020: ['Somebody is already publishing this stream', 'Choose another stream name, or stop the other publisher.'],
  5021: ['WebRTC is switched off for this stream', 'Switch rtc on in the server’s configuration.'],
};

function jsonError(error) {
  const [title, hint] = jsonWords[error.status] ?? ['The server refused', 'The server’s log tells more.'];
  if (!error.reason) return say(title, `The server answered with code ${error.status}.`, hint);
  return say(title, `The server says: ${error.reason}`, error.status === 400 ? '' : hint); // 400 may be anything: its hint guesses.
}

function unreachable(error, { secure }) {
  const mixed = secure && /^http:/i.test(error.url ?? '');
  return say('The API cannot be reached',
    error.kind === 'timeout' ? `${hostOf(error.url)} did not answer in time.` : `${hostOf(error.url)} does not answer, or does not let this page ask.`,
    mixed ? 'This page came by HTTPS and may not call a plain HTTP address. Use schema=https with the right port.' : '',
    'Is the server running, and is the address right?');
}

// explain turns whatever ended a session into an explanation. Circumstances:
// role "publish" or "play", secure (the page came by HTTPS).
export function explain(error, circumstances) {
  if (error?.title) return error; // Explained already.
  switch (error?.kind) {
    case 'network':
    case 'timeout':
      return unreachable(error, circumstances);
    case 'http':
      return httpError(error, circumstances);
    case 'json':
      return jsonError(error);
    default:
      return say('This browser could not start', String(error?.message || error || 'It gave no reason.'),
        'If the codec is the reason, choose another one or use another browser.');
  }
}

// worthRetrying: may the same request succeed later, without anybody's doing?
export function worthRetrying(error) {
  if (error?.kind === 'network' || error?.kind === 'timeout') return true;
  if (error?.kind === 'json') return [400, 1028, 5020].includes(error.status);
  return error?.kind === 'http' && (error.status >= 500 || [404, 408, 409, 425, 429].includes(error.status));
}
