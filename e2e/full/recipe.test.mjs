// The announced recipes where nothing but the environment configures the server.

import { https, streams, withoutFile } from '../lib/recipes.mjs';

streams(withoutFile);
https('HTTPS', withoutFile);
