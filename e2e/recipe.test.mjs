// The announced recipes; full/recipe.test.mjs has those of the last two that are left.

import { onDockerConf, onePort, streams, withoutFile } from './lib/recipes.mjs';

onePort(onDockerConf);
onePort(withoutFile);
streams(onDockerConf);
