// Every publisher, at every player. CELL=rtmp:flv runs those alone whose names begin so.

import { matrix } from '../lib/matrix.mjs';

const [publisher = '', player = ''] = (process.env.CELL ?? '').split(':');

matrix((from, to) => from.id.startsWith(publisher) && to.id.startsWith(player));
