package sdp

import (
	"os"
	"path/filepath"
	"testing"

	"oneport/media"
)

// FuzzParseOffer: no text makes the parser or the answers panic, every refusal has a kind, and every answer keeps the rules.
func FuzzParseOffer(f *testing.F) {
	offers, err := filepath.Glob("testdata/*.offer.sdp")
	if err != nil || len(offers) == 0 {
		f.Fatalf("no recorded offers: %v", err)
	}
	for _, path := range offers {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(plain))
	f.Add([]byte("v=0\r\no=- 1 2 IN IP4\r\ns=\r\nt=0 0\r\nm=audio 9/2 RTP/SAVPF"))
	l := local()
	l.Live = []media.Format{h264Format("64001f", 1), {Codec: media.Opus, ClockRate: 48000, Channels: 2}}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := ParseOffer(text)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		for _, answer := range []func(*Offer, Local) (*Session, []byte, error){AnswerPublish, AnswerPlay} {
			s, text, err := answer(o, l)
			if err != nil {
				checkRefusal(t, err)
				continue
			}
			checkAnswer(t, o, s, text)
			if _, err := ParseFragment(WriteFragment(s, l.Credentials, l.Candidates)); err != nil {
				t.Error(err)
			}
		}
	})
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if k := kindOf(err); k != "malformed" && k != "not acceptable" {
		t.Errorf("%s error: %v", k, err)
	}
	if len(err.Error()) > 400 {
		t.Errorf("a reason of %d bytes", len(err.Error()))
	}
}

func FuzzParseFragment(f *testing.F) {
	f.Add([]byte(restart))
	f.Add([]byte(plain))
	f.Add([]byte("a=end-of-candidates"))
	f.Add([]byte("a=ice-ufrag:\r\na=ice-pwd:\r\n\r\na=candidate:"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ParseFragment(text)
		if err != nil {
			checkRefusal(t, err)
			if got != (Fragment{}) {
				t.Errorf("refused, and yet %+v", got)
			}
			return
		}
		if (got.Ufrag == "") != (got.Pwd == "") || got.Ufrag == "" && got.Candidates == 0 && !got.EndOfCandidates {
			t.Errorf("accepted %+v", got)
		}
	})
}
