package e2e

import (
	"strings"
	"testing"

	"oneport/bench"
)

// TestClientIsDTLSServer serves clients that insist on the passive side of the handshake, as ffmpeg 8.0 does.
func TestClientIsDTLSServer(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "udp"} {
		t.Run(network, func(t *testing.T) {
			s := start(t)
			o := bench.ClientOptions{Net: network, Edit: func(offer string) string {
				return strings.ReplaceAll(offer, "a=setup:actpass", "a=setup:passive")
			}}
			publish(t, s, "role", o, bench.SourceOptions{KBPS: 500, FPS: 25})
			v := play(t, s, "role", o)
			v.awaitMore(t, 100)
			v.checkWhole(t)
			if !strings.Contains(v.Profile(), "GCM") {
				t.Errorf("the profile is %s", v.Profile())
			}
		})
	}
}
