package bench

import (
	"fmt"
	"strings"
)

// Role is what a client does with the stream of its URL.
type Role uint8

const (
	Play Role = iota
	Publish
)

func (r Role) String() string {
	if r == Publish {
		return "publish"
	}
	return "play"
}

// The payload types and header extension ids of our offers.
const (
	offerOpus = 111
	offerH264 = 102

	uriMID = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriTWC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// offer is what a client says of itself.
type offer struct {
	role        Role
	id          uint64 // of the session, in the origin line
	ufrag, pwd  string
	fingerprint string // of sha-256, "AB:CD:..."
	audio       uint32 // SSRCs of a publisher
	video       uint32
}

// String writes an offer like a browser's, with nothing in it that this client could not do: one Opus track, one H264 track
// (42e01f, packetization-mode 1), bundled, no candidates. Browsers list audio first and some servers count on it.
func (o offer) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- %d 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", o.id)
	b.WriteString("a=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS bench\r\n")
	o.media(&b, "audio", offerOpus, 0, o.audio,
		"a=rtpmap:111 opus/48000/2\r\n", "a=fmtp:111 minptime=10;useinbandfec=1\r\n")
	o.media(&b, "video", offerH264, 1, o.video,
		"a=rtpmap:102 H264/90000\r\n",
		"a=rtcp-fb:102 ccm fir\r\n", "a=rtcp-fb:102 nack\r\n", "a=rtcp-fb:102 nack pli\r\n",
		"a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n")
	return b.String()
}

func (o offer) media(b *strings.Builder, kind string, pt, mid int, ssrc uint32, codec ...string) {
	fmt.Fprintf(b, "m=%s 9 UDP/TLS/RTP/SAVPF %d\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n", kind, pt)
	fmt.Fprintf(b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\n", o.ufrag, o.pwd)
	fmt.Fprintf(b, "a=fingerprint:sha-256 %s\r\na=setup:actpass\r\na=mid:%d\r\n", o.fingerprint, mid)
	fmt.Fprintf(b, "a=extmap:1 %s\r\n", uriMID)
	if o.role == Publish {
		fmt.Fprintf(b, "a=extmap:2 %s\r\na=sendonly\r\na=msid:bench bench-%s\r\n", uriTWC, kind)
	} else {
		b.WriteString("a=recvonly\r\n")
	}
	b.WriteString("a=rtcp-mux\r\na=rtcp-rsize\r\n")
	b.WriteString(codec[0])
	if o.role == Publish {
		fmt.Fprintf(b, "a=rtcp-fb:%d transport-cc\r\n", pt)
	}
	b.WriteString(strings.Join(codec[1:], ""))
	if o.role == Publish {
		fmt.Fprintf(b, "a=ssrc:%d cname:bench\r\na=ssrc:%d msid:bench bench-%s\r\n", ssrc, ssrc, kind)
	}
}
