// Package third_party is the released scripts of other projects that the pages use.
package third_party

import (
	"bytes"
	"embed"
	"fmt"
)

//go:embed mpegts.js-1.8.2/dist/mpegts.js hls.js-1.7.4/dist/hls.min.js
var released embed.FS

// Script is a file as its project released it, but for its mends.
type Script struct {
	Name     string // with the version, so that a file of this name never changes
	Released string // where the file lies as it was released
	Body     []byte
}

// mend corrects a place in a released script until its project does. The README beside the script tells why.
type mend struct{ wrong, right string }

// Scripts are those that are embedded.
func Scripts() []Script {
	return []Script{
		script("mpegts-1.8.2-oneport1.min.js", "mpegts.js-1.8.2/dist/mpegts.js", mpegts...),
		script("hls-1.7.4.min.js", "hls.js-1.7.4/dist/hls.min.js"),
	}
}

// mpegts are the places where mpegts.js reads the header of AV1's keyframes, AV1 5.9.2 and 5.9.6.
var mpegts = []mend{
	{"l&&o.readBool(),u=!!(3===d", "l||o.readBool(),u=!!(3===d"},
	{"(_||255!==g)&&u&&r.enable_order_hint", "(!_||255!==g)&&u&&r.enable_order_hint"},
	{"d=e.readBits(l)+1,_=e.readBits(u)+1", "d=l,_=u"},
}

func script(name, path string, mends ...mend) Script {
	body, err := released.ReadFile(path)
	if err != nil {
		panic(err) // it is in the binary
	}
	for _, m := range mends {
		if n := bytes.Count(body, []byte(m.wrong)); n != 1 {
			panic(fmt.Sprintf("%s has %q %d times: it is another version", path, m.wrong, n))
		}
		body = bytes.Replace(body, []byte(m.wrong), []byte(m.right), 1)
	}
	if len(mends) > 0 {
		body = append([]byte("/* "+path+" with changes by oneport: see the README.md beside it. */\n"), body...)
	}
	return Script{name, path, body}
}
