// The announced recipes, each of them; full/recipe.test.mjs has the other ways to begin the last two.

import { https, onDockerConf, onePort, streams, withoutFile } from './lib/recipes.mjs';

onePort(onDockerConf);
onePort(withoutFile);
streams(onDockerConf);
https('HTTTPS', onDockerConf);
