// The announced recipes, each of them; full/recipe.test.mjs has those of the last two without a file.

import { https, onDockerConf, onePort, streams, withoutFile } from './lib/recipes.mjs';

onePort(onDockerConf);
onePort(withoutFile);
streams(onDockerConf);
https('HTTTPS', onDockerConf);
