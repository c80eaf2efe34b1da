package bench

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// answer is what a server said of itself.
type answer struct {
	ufrag, pwd  string
	hash        string // of the fingerprint, lower case: "sha-256"
	fingerprint string // upper case
	active      bool   // the server opens the DTLS handshake
	candidates  []candidate
	audio       track
	video       track
}

// track is one media section of an answer.
type track struct {
	pt    uint8 // 0: the server does not carry it
	mid   string
	midID uint8 // header extension ids; 0: not negotiated
	twcID uint8
	ssrcs []uint32
}

// candidate is an address of the server that a client can dial.
type candidate struct {
	network  string // "udp" or "tcp"
	host     string // an IP address or a name
	port     string
	priority uint32
}

func (c candidate) addr() string   { return net.JoinHostPort(c.host, c.port) }
func (c candidate) String() string { return c.network + " " + c.addr() }

// parseAnswer reads an SDP answer; bytes of the network, so everything is doubted.
func parseAnswer(text []byte) (*answer, error) {
	var desc sdp.SessionDescription
	if err := desc.Unmarshal(text); err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	a := new(answer)
	if err := a.transport(desc.Attributes); err != nil {
		return nil, err
	}
	for _, m := range desc.MediaDescriptions {
		if m.MediaName.Port.Value == 0 {
			continue
		}
		if err := a.transport(m.Attributes); err != nil {
			return nil, err
		}
		switch m.MediaName.Media {
		case "audio":
			a.audio = readTrack(m.Attributes, "opus/")
		case "video":
			a.video = readTrack(m.Attributes, "h264/")
		}
	}
	switch {
	case a.audio.pt == 0 && a.video.pt == 0:
		return nil, errors.New("answer: neither H264 nor Opus accepted")
	case a.ufrag == "" || a.pwd == "":
		return nil, errors.New("answer: no ice-ufrag and ice-pwd")
	case a.fingerprint == "":
		return nil, errors.New("answer: no fingerprint")
	}
	return a, nil
}

// transport takes what session and media sections alike may say; everything is bundled, so the first word counts.
func (a *answer) transport(attributes []sdp.Attribute) error {
	for _, at := range attributes {
		switch at.Key {
		case "ice-ufrag":
			a.ufrag = cmp.Or(a.ufrag, at.Value)
		case "ice-pwd":
			a.pwd = cmp.Or(a.pwd, at.Value)
		case "setup":
			a.active = at.Value == "active"
		case "fingerprint":
			hash, value, ok := strings.Cut(at.Value, " ")
			if !ok {
				return fmt.Errorf("answer: fingerprint %q has no value", at.Value)
			}
			a.hash = cmp.Or(a.hash, strings.ToLower(hash))
			a.fingerprint = cmp.Or(a.fingerprint, strings.ToUpper(strings.TrimSpace(value)))
		case "candidate":
			if c, ok := parseCandidate(at.Value); ok && !slices.Contains(a.candidates, c) {
				a.candidates = append(a.candidates, c)
			}
		}
	}
	return nil
}

// parseCandidate reads "foundation 1 tcp priority host port typ host tcptype passive" (RFC 8839 §5.1, RFC 6544 §4.5).
// What can't be dialled is not ok: other components, other transports, active TCP.
func parseCandidate(value string) (candidate, bool) {
	f := strings.Fields(value)
	if len(f) < 8 || f[1] != "1" {
		return candidate{}, false
	}
	priority, err := strconv.ParseUint(f[3], 10, 32)
	if err != nil {
		return candidate{}, false
	}
	if port, err := strconv.ParseUint(f[5], 10, 16); err != nil || port == 0 {
		return candidate{}, false
	}
	c := candidate{network: strings.ToLower(f[2]), host: f[4], port: f[5], priority: uint32(priority)}
	if i := slices.Index(f, "tcptype"); i >= 0 && (i+1 == len(f) || f[i+1] != "passive") {
		return candidate{}, false
	}
	return c, c.network == "udp" || c.network == "tcp"
}

// dialable returns the candidates of a network in the order to try them: the host we reached by HTTP first, then by priority.
func (a *answer) dialable(network, host string) ([]candidate, error) {
	const most = 8 // of a hostile answer's
	var found []candidate
	for _, c := range a.candidates {
		if c.network == network {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("answer: no %s candidate among %v: the server is not set up for WebRTC over %s",
			network, a.candidates, network)
	}
	slices.SortStableFunc(found, func(x, y candidate) int {
		if (x.host == host) != (y.host == host) {
			if x.host == host {
				return -1
			}
			return 1
		}
		return cmp.Compare(y.priority, x.priority)
	})
	return found[:min(len(found), most)], nil
}

// readTrack takes the payload type of the codec whose rtpmap begins with name ("h264/"), the extension ids and the SSRCs.
func readTrack(attributes []sdp.Attribute, name string) track {
	var t track
	for _, at := range attributes {
		first, rest, _ := strings.Cut(at.Value, " ")
		n, err := strconv.ParseUint(first, 10, 32)
		switch at.Key {
		case "mid":
			t.mid = at.Value
		case "rtpmap":
			if err == nil && n < 128 && t.pt == 0 && strings.HasPrefix(strings.ToLower(rest), name) {
				t.pt = uint8(n)
			}
		case "extmap":
			t.extension(first, rest)
		case "ssrc":
			if ssrc := uint32(n); err == nil && !slices.Contains(t.ssrcs, ssrc) && len(t.ssrcs) < 8 {
				t.ssrcs = append(t.ssrcs, ssrc)
			}
		}
	}
	return t
}

// extension keeps the id of an extension we send; only ids that fit the one-byte form (RFC 8285 §4.2).
func (t *track) extension(id, uri string) {
	id, _, _ = strings.Cut(id, "/")
	n, err := strconv.ParseUint(id, 10, 8)
	if err != nil || n < 1 || n > 14 {
		return
	}
	uri, _, _ = strings.Cut(uri, " ")
	switch uri {
	case uriMID:
		t.midID = uint8(n)
	case uriTWC:
		t.twcID = uint8(n)
	}
}
