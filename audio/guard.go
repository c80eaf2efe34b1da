package audio

import (
	"errors"
	"fmt"
)

// errPanic says that a library broke on what it was given.
var errPanic = errors.New("the codec's library failed")

// guarded calls into a codec's library. What it panics on costs that frame and nothing else: the libraries are young, and
// noise that anybody can send makes go-aac 0.4.0's encoder index outside of its tables. Whoever made the codec must make it
// anew after an errPanic, for there is no telling what state it was left in.
func guarded(call func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", errPanic, v)
		}
	}()
	return call()
}
