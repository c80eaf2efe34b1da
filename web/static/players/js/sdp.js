// The little SDP a page needs: the fragment that asks for an ICE restart
// (RFC 8840, RFC 9725 §4.3.3), the answer that follows from the reply, and the
// candidates to name when no path works. Pure text in, text out.

function linesOf(text) {
  return text.split(/\r?\n/).filter((line) => line !== '');
}

// sections splits SDP into its session part and its media parts.
function sections(text) {
  const all = [[]];
  for (const line of linesOf(text)) {
    if (line.startsWith('m=')) all.push([]);
    all[all.length - 1].push(line);
  }
  return all;
}

function attribute(lines, name) {
  const prefix = `a=${name}:`;
  const line = lines.find((l) => l.startsWith(prefix));
  return line?.slice(prefix.length);
}

// restartFragment names the new ufrag and password of an offer, on the m-line
// that carries the bundle (the first one of the group).
export function restartFragment(offer) {
  const [session, ...media] = sections(offer);
  const tag = attribute(session, 'group')?.match(/^BUNDLE (\S+)/)?.[1];
  const first = media.find((m) => attribute(m, 'mid') === tag) ?? media[0];
  if (!first) throw new Error('the offer has no m-line');
  const ufrag = attribute(first, 'ice-ufrag') ?? attribute(session, 'ice-ufrag');
  const pwd = attribute(first, 'ice-pwd') ?? attribute(session, 'ice-pwd');
  if (!ufrag || !pwd) throw new Error('the offer has no ICE credentials');
  const group = attribute(session, 'group');
  return [
    ...(group ? [`a=group:${group}`] : []),
    // A port of 9 keeps an m-line that says "bundle-only" (port 0) from
    // reading as a rejected one.
    first[0].replace(/^(m=\S+) \d+ /, '$1 9 '),
    ...(attribute(first, 'mid') !== undefined ? [`a=mid:${attribute(first, 'mid')}`] : []),
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    '',
  ].join('\r\n');
}

// parseFragment reads the server's reply to a restart.
export function parseFragment(text) {
  const lines = linesOf(text);
  const ufrag = attribute(lines, 'ice-ufrag');
  const pwd = attribute(lines, 'ice-pwd');
  if (!ufrag || !pwd) throw new Error('the reply to the ICE restart has no credentials');
  // The same list may stand on every m-line.
  const found = new Set(lines.filter((l) => l.startsWith('a=candidate:')));
  return { ufrag, pwd, candidates: [...found] };
}

const isCandidate = (line) => line.startsWith('a=candidate:') || line === 'a=end-of-candidates';

function restartSection(lines, fragment) {
  const out = [];
  let placed = false;
  for (const line of lines) {
    if (line.startsWith('a=ice-ufrag:')) out.push(`a=ice-ufrag:${fragment.ufrag}`);
    else if (line.startsWith('a=ice-pwd:')) out.push(`a=ice-pwd:${fragment.pwd}`);
    else if (!isCandidate(line) || fragment.candidates.length === 0) out.push(line);
    else if (!placed) {
      out.push(...fragment.candidates);
      placed = true;
    }
  }
  return out;
}

// restartedAnswer is the answer in force with the fragment's credentials and
// candidates put in place of the old ones, and a version of its own.
export function restartedAnswer(answer, fragmentText) {
  const fragment = parseFragment(fragmentText);
  const [session, ...media] = sections(answer).map((lines) => restartSection(lines, fragment));
  const hadNone = !answer.includes('a=candidate:');
  if (hadNone && media[0]) media[0].push(...fragment.candidates);
  const origin = session.findIndex((l) => l.startsWith('o='));
  if (origin >= 0) {
    session[origin] = session[origin].replace(/^(o=\S+ \S+ )(\d+)/, (_, head, v) => head + (BigInt(v) + 1n));
  }
  return [session, ...media].flat().join('\r\n') + '\r\n';
}

// preferTransport takes the candidates of the other transports out of an answer,
// if any are left then. It returns the answer and what was held back, for
// addIceCandidate: [{candidate, sdpMLineIndex}].
export function preferTransport(answer, transport) {
  const wanted = (line) => new RegExp(`^a=candidate:\\S+ \\d+ ${transport} `, 'i').test(line);
  const lines = linesOf(answer);
  if (!lines.some(wanted)) return { answer, held: [] };
  const held = [];
  let index = -1;
  const kept = lines.filter((line) => {
    if (line.startsWith('m=')) index++;
    if (!line.startsWith('a=candidate:') || wanted(line)) return line !== 'a=end-of-candidates';
    held.push({ candidate: line.slice(2), sdpMLineIndex: index });
    return false;
  });
  return { answer: kept.join('\r\n') + '\r\n', held };
}

// candidatesOf lists where an answer told the browser to go, once each.
export function candidatesOf(answer) {
  const found = new Map();
  for (const line of linesOf(answer)) {
    const m = /^a=candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) typ /.exec(line);
    if (!m) continue;
    const transport = m[1].toLowerCase() === 'udp' ? 'UDP' : 'TCP';
    found.set(`${transport} ${m[2]} ${m[3]}`, { transport, address: m[2], port: Number(m[3]) });
  }
  return [...found.values()];
}
