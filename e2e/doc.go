// Package e2e is real clients against the real binary.
//
// The Go tests are for what a browser can't be made to do: cut its connections, stall, lie, flood and vanish. The
// browsers' own tests are the .mjs files beside them.
package e2e
