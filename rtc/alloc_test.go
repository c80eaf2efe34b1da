//go:build !race

package rtc

import (
	"testing"

	"oneport/dtls"
)

// The cipher of this profile keeps its buffers in a sync.Pool, which forgets at random under the race detector.
func TestAppendAllocatesNothingWithCM(t *testing.T) { expectNoAllocations(t, dtls.AES128CMHMACSHA1_80) }
