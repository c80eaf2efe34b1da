package sdp

import (
	"strings"
	"testing"
)

// restart is what a page sends to restart ICE, after RFC 9725 section 4.3.3.
const restart = "a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n" +
	"a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n" +
	"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\n" +
	"a=candidate:3471623853 1 tcp 1518280447 192.0.2.2 9 typ host tcptype active generation 0\r\na=end-of-candidates\r\n"

func TestParseFragment(t *testing.T) {
	credentials := Credentials{"ysXw", "vw5LmwG4y/e6dPP/zAP9Gp5k"}
	for name, c := range map[string]struct {
		text string
		want Fragment
	}{
		"restart":               {restart, Fragment{credentials, 2, true}},
		"LF":                    {strings.ReplaceAll(restart, "\r\n", "\n"), Fragment{credentials, 2, true}},
		"repeated":              {restart + restart, Fragment{credentials, 4, true}},
		"session level":         {"a=ice-ufrag:ysXw\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k", Fragment{credentials, 0, false}},
		"candidates alone":      {"m=audio 9 RTP/AVP 0\na=mid:0\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\n", Fragment{Credentials{}, 1, false}},
		"end-of-candidates":     {"a=mid:0\r\na=end-of-candidates\r\n", Fragment{Credentials{}, 0, true}},
		"a whole offer":         {plain, Fragment{Credentials{"abcd", "0123456789abcdef012345"}, 0, false}},
		"webrtcbin's component": {"a=candidate:1 2 TCP 1015021823 fe80::1 9 typ host tcptype active", Fragment{Credentials{}, 1, false}},
	} {
		if got, err := ParseFragment([]byte(c.text)); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestFragmentRefused(t *testing.T) {
	for reason, text := range map[string]string{
		"neither credentials nor candidates": "",
		"neither credentials":                "m=audio 9 RTP/AVP 0\na=mid:0\n",
		"has no ice-pwd":                     "a=ice-ufrag:ysXw\na=end-of-candidates\n",
		"has no ice-ufrag":                   "a=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\n",
		"ice-ufrag that is not a word":       "a=ice-ufrag:a b c d\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\n",
		"ice-pwd that is not a word":         "a=ice-ufrag:ysXw\na=ice-pwd:short\n",
		"two different values of ice-ufrag":  restart + "a=ice-ufrag:other\n",
		"not SDP":                            "<html>",
		"control byte":                       "a=ice-ufrag:ys\x01Xw",
		"more than 8192 lines":               strings.Repeat("a=\n", maxLines+1),
		"over the limit of 65536":            strings.Repeat(" ", maxFragment+1),
	} {
		f, err := ParseFragment([]byte(text))
		if kindOf(err) != "malformed" || !strings.Contains(err.Error(), reason) || f != (Fragment{}) {
			t.Errorf("%s: %+v, %v", reason, f, err)
		}
	}
}

func TestWriteFragment(t *testing.T) {
	_, s, _ := answerRecorded(t, "gst-publish-vp8", local())
	l := local()
	got := string(WriteFragment(s, l.Credentials, l.Candidates[:1]))
	section := func(line, mid string) string {
		return line + "\r\na=mid:" + mid + "\r\na=ice-ufrag:abcd1234\r\na=ice-pwd:0123456789abcdefghijklmnopqrstuv\r\n" +
			"a=candidate:0 1 udp 2130706431 192.0.2.1 8080 typ host\r\na=end-of-candidates\r\n"
	}
	want := "a=ice-lite\r\na=group:BUNDLE video0 audio1\r\n" +
		section("m=video 9 UDP/TLS/RTP/SAVPF 96", "video0") + section("m=audio 9 UDP/TLS/RTP/SAVPF 111", "audio1")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if f, err := ParseFragment([]byte(got)); err != nil || f != (Fragment{l.Credentials, 2, true}) {
		t.Errorf("read back: %+v, %v", f, err)
	}
}
