// The announced recipes of streams without a file, and of HTTPS in both spellings.

import { https, onDockerConf, streams, withoutFile } from '../lib/recipes.mjs';

streams(withoutFile);
https('HTTPS', withoutFile);
https('HTTTPS', onDockerConf);
