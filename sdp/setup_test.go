package sdp

import (
	"strings"
	"testing"
)

// TestSetup takes the side of the DTLS handshake that the offer leaves; ffmpeg 8.0 insists on being the server.
func TestSetup(t *testing.T) {
	text := recorded(t, "chromium-publish-default")
	for offered, want := range map[string]string{"actpass": "passive", "active": "passive", "passive": "active"} {
		o, err := ParseOffer([]byte(strings.ReplaceAll(string(text), "a=setup:actpass", "a=setup:"+offered)))
		if err != nil {
			t.Fatal(err)
		}
		s, answer, err := AnswerPublish(o, Local{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Active != (want == "active") || strings.Count(string(answer), "a=setup:"+want+"\r\n") != 2 {
			t.Errorf("offered %s: active %v, answer\n%s", offered, s.Active, answer)
		}
	}
}
