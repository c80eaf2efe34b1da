package sdp

import (
	"strings"
)

// maxFragment bounds a trickled fragment: credentials and a handful of candidates.
const maxFragment = 64 << 10

// Fragment is what a client says after its offer (RFC 8840): more candidates, or new credentials, with which it restarts ICE.
// Candidates are only counted: the server is ICE-lite and waits for the client's checks.
type Fragment struct {
	Credentials     // empty where the client did not repeat them
	Candidates      int
	EndOfCandidates bool
}

// ParseFragment reads a body of the type application/trickle-ice-sdpfrag.
func ParseFragment(text []byte) (Fragment, error) {
	var f Fragment
	if len(text) > maxFragment {
		return f, malformed("fragment of %d bytes is over the limit of %d", len(text), maxFragment)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		n++
		if err := checkLine(line, n); err != nil {
			return Fragment{}, err
		}
		if err := f.readLine(line); err != nil {
			return Fragment{}, err
		}
	}
	if f.Ufrag == "" && f.Pwd == "" {
		if f.Candidates == 0 && !f.EndOfCandidates {
			return Fragment{}, malformed("fragment has neither credentials nor candidates")
		}
		return f, nil
	}
	if err := f.Credentials.check("fragment"); err != nil {
		return Fragment{}, err
	}
	return f, nil
}

func (f *Fragment) readLine(line string) error {
	key, value, _ := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch key {
	case "a=ice-ufrag":
		return readOnce(&f.Ufrag, value, "ice-ufrag")
	case "a=ice-pwd":
		return readOnce(&f.Pwd, value, "ice-pwd")
	case "a=candidate":
		f.Candidates++
	case "a=end-of-candidates":
		f.EndOfCandidates = true
	}
	return nil
}

// readOnce takes a value that m-lines may repeat but not change: a bundle has one transport.
func readOnce(dst *string, value, name string) error {
	if *dst != "" && *dst != value {
		return malformed("fragment has two different values of %s", name)
	}
	*dst = value
	return nil
}

// WriteFragment writes the reply to an ICE restart: the server's new credentials and its candidates.
func WriteFragment(s *Session, local Credentials, candidates []string) []byte {
	var w writer
	w.line("a=ice-lite")
	w.line("a=group:BUNDLE%s", mids(s))
	for _, t := range s.Tracks() {
		w.line("m=%v 9 UDP/TLS/RTP/SAVPF%s", t.Kind, payloadTypes(t))
		w.line("a=mid:%s", t.Mid)
		w.credentials(local)
		w.candidates(candidates)
	}
	return []byte(w.String())
}
