package sdp

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oneport/media"

	pion "github.com/pion/sdp/v3"
)

var update = flag.Bool("update", false, "write the golden answers anew")

// local is what every test answers with.
func local() Local {
	return Local{
		ID:          4711,
		Credentials: Credentials{"abcd1234", "0123456789abcdefghijklmnopqrstuv"},
		Fingerprint: Fingerprint{"sha-256", strings.Repeat("AB:", 31) + "CD"},
		Candidates: []string{
			"candidate:0 1 udp 2130706431 192.0.2.1 8080 typ host",
			"candidate:1 1 tcp 2105458943 192.0.2.1 8080 typ host tcptype passive",
		},
		Stream:  "live/livestream",
		Sources: [media.Kinds]Source{media.Audio: {SSRC: 1001}, media.Video: {SSRC: 2001, RTX: 2002}},
		Cname:   "cname4711",
	}
}

func recorded(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".offer.sdp"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// answerRecorded answers a recording for what it was recorded for, which its name says.
func answerRecorded(t testing.TB, name string, l Local) (*Offer, *Session, []byte) {
	t.Helper()
	o, err := ParseOffer(recorded(t, name))
	if err != nil {
		t.Fatal(err)
	}
	answer := AnswerPlay
	if strings.Contains(name, "publish") {
		answer = AnswerPublish
	}
	s, text, err := answer(o, l)
	if err != nil {
		t.Fatal(err)
	}
	return o, s, text
}

// TestGolden holds the answers to all recorded offers fast; go test -update writes them.
func TestGolden(t *testing.T) {
	offers, err := filepath.Glob("testdata/*.offer.sdp")
	if err != nil || len(offers) < 33 {
		t.Fatalf("%d recorded offers: %v", len(offers), err)
	}
	for _, path := range offers {
		name := strings.TrimSuffix(filepath.Base(path), ".offer.sdp")
		t.Run(name, func(t *testing.T) {
			o, s, got := answerRecorded(t, name, local())
			checkAnswer(t, o, s, got)
			golden := filepath.Join("testdata", name+".answer.sdp")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("answer changed; got\n%s", got)
			}
		})
	}
}

// TestLineEnds: the same offer with bare LF, with doubled CR, and without its last line end has the same answer.
func TestLineEnds(t *testing.T) {
	_, _, want := answerRecorded(t, "chromium-publish-default", local())
	text := string(recorded(t, "chromium-publish-default"))
	for name, variant := range map[string]string{
		"LF":          strings.ReplaceAll(text, "\r\n", "\n"),
		"CR CR LF":    strings.ReplaceAll(text, "\r\n", "\r\r\n"),
		"cut":         strings.TrimSpace(text),
		"blank lines": "\r\n" + strings.ReplaceAll(text, "\r\n", "\r\n\r\n"),
		"bandwidths":  strings.ReplaceAll(text, "c=IN IP4 0.0.0.0\r\n", "c=IN IP4 0.0.0.0\r\nb=NEW:none\r\n"),
	} {
		o, err := ParseOffer([]byte(variant))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, got, err := AnswerPublish(o, local()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: another answer (%v):\n%s", name, err, got)
		}
	}
}

// checkAnswer holds an answer to the rules that every answer obeys, whatever was offered.
func checkAnswer(t testing.TB, o *Offer, s *Session, text []byte) {
	t.Helper()
	var d pion.SessionDescription
	if err := d.Unmarshal(text); err != nil {
		t.Fatalf("answer is not SDP: %v\n%s", err, text)
	}
	if len(d.MediaDescriptions) != len(o.Media) {
		t.Fatalf("%d m-lines answer %d", len(d.MediaDescriptions), len(o.Media))
	}
	group, _ := d.Attribute("group")
	bundled := strings.Fields(group)[1:]
	for _, track := range s.Tracks() {
		checkTrack(t, track)
	}
	for i, md := range d.MediaDescriptions {
		m := &o.Media[i]
		mid, _ := md.Attribute("mid")
		if md.MediaName.Media != m.Name || mid != m.Mid || strings.Join(md.MediaName.Protos, "/") != m.Proto {
			t.Errorf("m-line %d answers %s %s of mid %q with %v", i, m.Name, m.Proto, m.Mid, md.MediaName)
		}
		accepted := md.MediaName.Port.Value != 0
		if inGroup := slices.Contains(bundled, mid); accepted != inGroup {
			t.Errorf("m-line %d: accepted %v, in the BUNDLE group %v", i, accepted, inGroup)
		}
		for _, f := range md.MediaName.Formats {
			if len(m.Formats) > 0 && !slices.Contains(m.Formats, f) {
				t.Errorf("m-line %d: payload type %s was not offered", i, f)
			}
		}
		checkExtensions(t, m, md)
	}
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\r\n")) || bytes.ContainsAny(line[:len(line)-2], "\r\n\x00") {
			t.Errorf("bad line %q", line)
		}
	}
}

func checkTrack(t testing.TB, track *Track) {
	t.Helper()
	if len(track.Codecs) == 0 {
		t.Errorf("%v track has no codec", track.Kind)
	}
	for _, c := range track.Codecs {
		if c.Format.Codec.Kind() != track.Kind || c.REMB || c.TransportCC && track.TransportCCExt == 0 {
			t.Errorf("%v track has %+v", track.Kind, c)
		}
	}
}

func checkExtensions(t testing.TB, m *Media, md *pion.MediaDescription) {
	t.Helper()
	for _, a := range md.Attributes {
		if a.Key != "extmap" {
			continue
		}
		var got Media
		if err := got.readExtension(a.Value); err != nil {
			t.Error(err)
			continue
		}
		e := got.Extensions[0]
		if !slices.ContainsFunc(m.Extensions, func(x Extension) bool {
			return x.ID == e.ID && x.URI == e.URI && x.Direction == e.Direction.mirrored()
		}) {
			t.Errorf("extmap %s was not offered", a.Value)
		}
	}
}

// kindOf names the kind of a refusal.
func kindOf(err error) string {
	switch {
	case err == nil:
		return "none"
	case errors.Is(err, ErrMalformed):
		return "malformed"
	case errors.Is(err, ErrNotAcceptable):
		return "not acceptable"
	default:
		return "untyped"
	}
}
