// Package third_party is the released scripts of other projects that the pages use.
package third_party

import _ "embed"

//go:embed mpegts.js-1.8.2/dist/mpegts.js
var mpegts []byte

//go:embed hls.js-1.7.4/dist/hls.min.js
var hls []byte

// Script is a file as its project released it.
type Script struct {
	Name string // with the version, so that a file of this name never changes
	Body []byte
}

// Scripts are those that are embedded.
func Scripts() []Script {
	return []Script{
		{"mpegts-1.8.2.min.js", mpegts},
		{"hls-1.7.4.min.js", hls},
	}
}
