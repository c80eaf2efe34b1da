package config

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	names := []string{"listen", "enabled", "protocol", "atc", "mr", "mw_latency"}
	for word, want := range map[string]string{
		"lisen": "listen", "listne": "listen", "Listen": "listen", "enable": "enabled", "latency": "mw_latency",
		"xyz": "", "": "", "a": "", "protocolprotocol": "", strings.Repeat("listen", 100): "", "\xff": "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("%.20q: %q, not %q", word, got, want)
		}
	}
}

// A distance is a distance: nothing to itself, the same both ways, one for one edit, never more than the longer word.
func TestDistance(t *testing.T) {
	word := rapid.StringOfN(rapid.RuneFrom([]rune("ab_")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := distance(a, b)
		if d != distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) || d < max(len(a), len(b))-min(len(a), len(b)) {
			t.Fatalf("distance(%q, %q) = %d", a, b, d)
		}
		i := rapid.IntRange(0, len(a)).Draw(t, "at")
		if e := distance(a, a[:i]+"x"+a[i:]); e != 1 {
			t.Fatalf("one letter more is %d away", e)
		}
	})
}
