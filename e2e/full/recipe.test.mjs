// The announced recipes of streams and of HTTPS without a file, and what HTTPS plays besides.

import { https, httpsStreams, onDockerConf, streams, withoutFile } from '../lib/recipes.mjs';

streams(withoutFile);
https('HTTPS', withoutFile);
httpsStreams('HTTPS', withoutFile);
httpsStreams('HTTTPS', onDockerConf);
