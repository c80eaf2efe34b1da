package sdp

import (
	"fmt"
	"strings"
	"testing"
)

// plain is a small sound offer to publish; the tests below break it in one place each.
const plain = `v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=fingerprint:sha-256 67:ED:97:18:78:00:08:73:36:69:0F:72:B9:6A:09:F7:91:E5:1E:00:7E:84:F1:DD:3C:57:5F:50:DD:87:96:A9
a=ice-ufrag:abcd
a=ice-pwd:0123456789abcdef012345
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=setup:actpass
a=mid:0
a=sendonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
m=video 9 UDP/TLS/RTP/SAVPF 96 97
a=setup:actpass
a=mid:1
a=sendonly
a=rtcp-mux
a=rtpmap:96 H264/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
`

// change replaces text in the plain offer; pairs of old and new.
func change(t *testing.T, pairs ...string) []byte {
	t.Helper()
	text := plain
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the plain offer has no %q", pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return []byte(text)
}

func TestRefused(t *testing.T) {
	fingerprint := plain[strings.Index(plain, "a=fingerprint"):strings.Index(plain, "a=ice-ufrag")]
	for _, c := range []struct {
		text   []byte
		kind   string
		reason string // a part of it
	}{
		{nil, "malformed", "offer is empty"},
		{[]byte(" \r\n\r\n"), "malformed", "offer is empty"},
		{[]byte("{\"sdp\": 1}"), "malformed", "offer is not SDP"},
		{[]byte("v=0\r\n"), "malformed", "offer"},
		{[]byte("v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE 0\n"), "malformed", "no m-line"},
		{change(t, "a=mid:0", "a=mid:\x00"), "malformed", "control byte 0x00"},
		{make([]byte, MaxOffer+1), "malformed", "over the limit"},
		{[]byte(plain + strings.Repeat("a=x\n", maxLines)), "malformed", "lines"},
		{[]byte(plain + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\n", maxMedia)), "malformed", "m-lines"},
		{change(t, "SAVPF 111", "SAVPF"+strings.Repeat(" 1", maxFormats+1)), "malformed", "formats"},
		{change(t, "a=group:BUNDLE 0 1\n", ""), "malformed", "no BUNDLE group"},
		{change(t, "BUNDLE 0 1", "LS 0 1"), "malformed", "no BUNDLE group"},
		{change(t, "BUNDLE 0 1", "BUNDLE 7 8"), "malformed", "BUNDLE group"},
		{change(t, "a=mid:1", "a=mid:0"), "malformed", "two m-lines of mid"},
		{change(t, "a=mid:1", "a=mid:"+strings.Repeat("1", maxMid+1)), "malformed", "mid is not a word"},
		{change(t, "a=ice-ufrag:abcd\n", ""), "malformed", "offer has no ice-ufrag"},
		{change(t, "a=ice-pwd:0123456789abcdef012345\n", ""), "malformed", "offer has no ice-pwd"},
		{change(t, "ufrag:abcd", "ufrag:abc"), "malformed", "ice-ufrag that is not a word of 4 to 256"},
		{change(t, "ufrag:abcd", "ufrag:"+strings.Repeat("a", 257)), "malformed", "ice-ufrag that is not a word"},
		{change(t, "ufrag:abcd", "ufrag:ab:cd"), "malformed", "ice-ufrag that is not a word"},
		{change(t, "012345\n", "01234\n"), "malformed", "ice-pwd that is not a word of 22 to 256"},
		{change(t, fingerprint, ""), "malformed", "offer has no fingerprint"},
		{change(t, "sha-256 67:ED", "sha-1 67:ED"), "malformed", "sha-256, sha-384 or sha-512 is needed"},
		{change(t, "67:ED:97", "67:ED"), "malformed", "not a sha-256 digest"},
		{change(t, "67:ED:97", "67:EDx97"), "malformed", "not a sha-256 digest"},
		{change(t, "setup:actpass", "setup:holdconn"), "malformed", "setup:\"holdconn\""},
		{change(t, "setup:actpass", "setup:holdconn"), "malformed", "actpass, active or passive is needed"},
		{change(t, "t=0 0", "t=0 0\na=ice-lite"), "not acceptable", "ice-lite"},
		{change(t, "a=rtcp-mux\n", ""), "malformed", "no rtcp-mux"},
		{change(t, "a=sendonly", "a=recvonly"), "malformed", "sends nothing"},
		{change(t, "a=sendonly", "a=inactive"), "malformed", "sends nothing"},
		{change(t, "m=audio 9", "m=audio 0", "m=video 9", "m=video 0"), "malformed", "has a port"},
		{change(t, "UDP/TLS/RTP/SAVPF", "RTP/AVP"), "malformed", "DTLS-SRTP"},
		{change(t, "H264/90000", "theora/90000"), "not acceptable", "no video codec that oneport carries"},
		{change(t, "a=rtpmap:96 H264", "a=fmtp:96 packetization-mode=2\na=rtpmap:96 H264"), "not acceptable", "no video codec"},
		{change(t, "a=rtpmap:96 H264", "a=fmtp:96 profile-level-id=zz\na=rtpmap:96 H264"), "not acceptable", "no video codec"},
		{change(t, "opus/48000/2", "G722/8000"), "not acceptable", "no audio codec"},
		{change(t, "opus/48000/2", "G722/8000", "BUNDLE 0 1", "BUNDLE 0 s 1", // the reason is the first one's
			"m=video 9", "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:s\na=sendonly\na=rtpmap:111 opus/48000/2\nm=video 9"), "not acceptable", "no audio codec"},
		{change(t, "SAVPF 96 97", "SAVPF 111", "rtpmap:96", "rtpmap:111"), "malformed", "payload type 111"},
		{change(t, "a=mid:0", "a=mid:0\na=extmap:x urn:y"), "malformed", "has no id"},
		{change(t, "a=mid:0", "a=mid:0\na=extmap:1"), "malformed", "has no URI"},
		{change(t, "a=mid:0", "a=mid:0\na=extmap:1/up urn:y"), "malformed", "no such direction"},
		{change(t, "m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
			"m=video 9 UDP/TLS/RTP/SAVPF 96 97", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"), "not acceptable", "only a data channel"},
	} {
		o, err := ParseOffer(c.text)
		if err == nil {
			_, _, err = AnswerPublish(o, local())
		}
		if kindOf(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.reason) || !strings.HasPrefix(fmt.Sprint(err), "sdp: ") {
			t.Errorf("want %s with %q, got %s: %v", c.kind, c.reason, kindOf(err), err)
		}
	}
}

// TestPlayRefused: a viewer that would send.
func TestPlayRefused(t *testing.T) {
	o, err := ParseOffer([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = AnswerPlay(o, local())
	if kindOf(err) != "malformed" || !strings.Contains(err.Error(), "receives nothing") {
		t.Error(err)
	}
}

// TestTolerated: what is unusual and yet sound.
func TestTolerated(t *testing.T) {
	digest := plain[strings.Index(plain, "a=fingerprint"):strings.Index(plain, "a=ice-ufrag")]
	for name, text := range map[string][]byte{
		"plain":                 []byte(plain),
		"both directions":       change(t, "a=sendonly\n", "a=sendrecv\n"),
		"no direction":          change(t, "a=sendonly\n", ""),
		"direction of session":  change(t, "a=sendonly\n", "", "t=0 0", "t=0 0\na=sendonly"),
		"setup active":          change(t, "setup:actpass", "setup:active"),
		"no setup":              change(t, "a=setup:actpass\n", ""),
		"older hash beside":     change(t, "a=fingerprint", "a=fingerprint:sha-1 AA:BB\na=fingerprint"),
		"sha-384":               change(t, digest, "a=fingerprint:SHA-384 "+strings.Repeat("0A:", 47)+"0A\n"),
		"sha-512":               change(t, digest, "a=fingerprint:sha-512 "+strings.Repeat("0A:", 63)+"0A\n"),
		"lower-case digest":     change(t, "67:ED:97", "67:ed:97"),
		"DTLS over TCP":         change(t, "UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF"),
		"upper-case codec":      change(t, "opus/48000/2", "OPUS/48000"),
		"bundle-only":           change(t, "m=video 9", "m=video 0", "a=mid:1", "a=mid:1\na=bundle-only"),
		"unknown mid in group":  change(t, "BUNDLE 0 1", "BUNDLE 0 1 2 2 0"),
		"extmap of 4096":        change(t, "a=mid:0", "a=mid:0\na=extmap:4096 urn:x"),
		"candidates of any art": change(t, "a=mid:0", "a=mid:0\na=candidate:x y z\na=candidate:1 2 TCP 1 host.local 9 typ host"),
	} {
		o, err := ParseOffer(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s, answer, err := AnswerPublish(o, local())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkAnswer(t, o, s, answer)
		if s.Audio == nil || s.Video == nil || s.Video.Codecs[0].Format.Profile != "420010" || s.Video.Codecs[0].RTX != 97 {
			t.Errorf("%s: audio %s, video %s", name, facts(s.Audio), facts(s.Video))
		}
	}
}

// TestRejectedLines: what is not carried is answered by port 0, in its place and outside the group.
func TestRejectedLines(t *testing.T) {
	data := "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\na=sctp-port:5000\n"
	second := "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:s\na=rtcp-mux\na=sendonly\na=rtpmap:111 opus/48000/2\n"
	unknown := "m=audio 9 UDP/TLS/RTP/SAVPF 9\na=mid:x\na=rtcp-mux\na=sendonly\na=rtpmap:9 G722/8000\n"
	unmuxed := strings.Replace(second, "a=rtcp-mux\n", "", 1)
	for name, c := range map[string]struct {
		text []byte
		want string // the answer's m-lines
	}{
		"data channel first":          {change(t, "BUNDLE 0 1", "BUNDLE d 0 1", "m=audio 9", data+"m=audio 9"), "application 0|audio 9|video 9|BUNDLE 0 1"},
		"second audio":                {change(t, "BUNDLE 0 1", "BUNDLE 0 s 1", "m=video 9", second+"m=video 9"), "audio 9|audio 0|video 9|BUNDLE 0 1"},
		"first audio that is carried": {change(t, "BUNDLE 0 1", "BUNDLE x 0 1", "m=audio 9", unknown+"m=audio 9"), "audio 0|audio 9|video 9|BUNDLE 0 1"},
		"first audio with rtcp-mux":   {change(t, "BUNDLE 0 1", "BUNDLE s 0 1", "m=audio 9", unmuxed+"m=audio 9"), "audio 0|audio 9|video 9|BUNDLE 0 1"},
		"outside the group":           {change(t, "BUNDLE 0 1", "BUNDLE 1"), "audio 0|video 9|BUNDLE 1"},
		"one-way wrong":               {change(t, "a=mid:0\na=sendonly", "a=mid:0\na=recvonly"), "audio 0|video 9|BUNDLE 1"},
		"video leads group":           {change(t, "BUNDLE 0 1", "BUNDLE 1 0"), "audio 9|video 9|BUNDLE 1 0"},
		"no mid":                      {change(t, "a=mid:0\n", ""), "audio 0|video 9|BUNDLE 1"},
	} {
		o, err := ParseOffer(c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s, text, err := AnswerPublish(o, local())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkAnswer(t, o, s, text)
		if got := outline(string(text)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// outline is an answer's m-lines and its group.
func outline(text string) string {
	var out []string
	group := ""
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if kind, ok := strings.CutPrefix(f[0], "m="); ok {
			out = append(out, kind+" "+f[1])
		}
		if g, ok := strings.CutPrefix(strings.TrimSpace(line), "a=group:"); ok {
			group = g
		}
	}
	return strings.Join(append(out, group), "|")
}

// TestFirstAcceptedTransport: when the m-line that leads the bundle is rejected, the next one's transport counts.
func TestFirstAcceptedTransport(t *testing.T) {
	text := change(t, "a=mid:0\na=sendonly", "a=mid:0\na=inactive", "a=mid:1", "a=mid:1\na=ice-ufrag:wxyz")
	o, err := ParseOffer(text)
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := AnswerPublish(o, local())
	if err != nil || s.Remote.Ufrag != "wxyz" {
		t.Errorf("%v: ufrag of the rejected m-line: %q", err, s.Remote.Ufrag)
	}
}

// TestExtensionConflict: an id that means two things in a bundle is agreed on once, and ids that need long headers only if
// those may be mixed with short ones.
func TestExtensionConflict(t *testing.T) {
	text := change(t, "a=mid:0", "a=mid:0\na=extmap:3 "+uriMid+"\na=extmap:20 "+uriAudioLevel,
		"a=mid:1", "a=mid:1\na=extmap:3 "+uriTransportCC+"\na=extmap:4 "+uriMid+"\na=extmap:20 "+uriVideoOrientation)
	for _, c := range []struct{ text, audio, video string }{
		{string(text), "mid=3 tcc=0 ext=[0 0 0 0]", "mid=0 tcc=0 ext=[0 0 0 0]"},
		{strings.ReplaceAll(string(text), "t=0 0", "t=0 0\na=extmap-allow-mixed"), "mid=3 tcc=0 ext=[20 0 0 0]", "mid=0 tcc=0 ext=[0 0 0 0]"},
	} {
		o, err := ParseOffer([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := AnswerPublish(o, local())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(facts(s.Audio), c.audio) || !strings.HasSuffix(facts(s.Video), c.video) {
			t.Errorf("audio %s, video %s", facts(s.Audio), facts(s.Video))
		}
	}
}

// TestCredentialCharacters: those of RFC 8839 and of base64 pass in an offer and in a fragment, and none that would mean
// something in a URL.
func TestCredentialCharacters(t *testing.T) {
	for c := rune('!'); c < 0x7f; c++ {
		word := strings.Repeat(string(c), 22)
		want := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.ContainsRune("+/-_=", c)
		for _, pair := range [][2]string{{word, strings.Repeat("p", 22)}, {"user", word}} {
			_, err := ParseOffer(change(t, "ufrag:abcd", "ufrag:"+pair[0], "pwd:0123456789abcdef012345", "pwd:"+pair[1]))
			_, other := ParseFragment([]byte("a=ice-ufrag:" + pair[0] + "\na=ice-pwd:" + pair[1] + "\n"))
			if (err == nil) != want || (other == nil) != want {
				t.Errorf("%q: offer %v, fragment %v", c, err, other)
			}
		}
	}
}

// TestExtensionIDs: id 15 is none (RFC 8285 section 4.2), those above need two-byte headers, and a mid that does not fit into a
// one-byte header has no extension.
func TestExtensionIDs(t *testing.T) {
	const mid, uri = "a=mid:1", " urn:ietf:params:rtp-hdrext:sdes:mid"
	long := strings.Repeat("m", maxMidExtension+1)
	for name, c := range map[string]struct {
		pairs []string
		want  uint8
	}{
		"14":                 {[]string{mid, mid + "\na=extmap:14" + uri}, 14},
		"15":                 {[]string{mid, mid + "\na=extmap:15" + uri}, 0},
		"15 mixed":           {[]string{mid, mid + "\na=extmap:15" + uri + "\na=extmap-allow-mixed"}, 0},
		"16":                 {[]string{mid, mid + "\na=extmap:16" + uri}, 0},
		"16 mixed":           {[]string{mid, mid + "\na=extmap:16" + uri + "\na=extmap-allow-mixed"}, 16},
		"16 mixed in all":    {[]string{mid, mid + "\na=extmap:16" + uri, "t=0 0", "t=0 0\na=extmap-allow-mixed"}, 16},
		"mid that fits":      {[]string{mid, "a=mid:" + long[1:] + "\na=extmap:3" + uri, "BUNDLE 0 1", "BUNDLE 0 " + long[1:]}, 3},
		"mid that is longer": {[]string{mid, "a=mid:" + long + "\na=extmap:3" + uri, "BUNDLE 0 1", "BUNDLE 0 " + long}, 0},
		"of the session":     {[]string{"t=0 0", "t=0 0\na=extmap:5" + uri}, 5},
		"its own first":      {[]string{"t=0 0", "t=0 0\na=extmap:5" + uri, mid, mid + "\na=extmap:4" + uri, "a=mid:0", "a=mid:0\na=extmap:4" + uri}, 4},
	} {
		o := offered(t, c.pairs...)
		s, text, err := AnswerPublish(o, local())
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, o, s, text)
		if s.Video.MidExt != c.want {
			t.Errorf("%s: %d, want %d", name, s.Video.MidExt, c.want)
		}
	}
	if _, err := ParseOffer(change(t, "t=0 0", "t=0 0\na=extmap:x"+uri)); kindOf(err) != "malformed" {
		t.Errorf("an id that is no number in the session: %v", err)
	}
}

// TestToken: an identifier holds the token characters of RFC 8866 and the slash, and nothing else.
func TestToken(t *testing.T) {
	for c := range 256 {
		want := byte('_')
		if c > ' ' && c < 0x7f && !strings.ContainsRune("\"(),:;<=>?@[\\]", rune(c)) {
			want = byte(c)
		}
		if got := token(string([]byte{'a', byte(c)}), 64); got != "a"+string(want) {
			t.Errorf("%q becomes %q", rune(c), got)
		}
	}
}
