package sdp

import (
	"encoding/hex"
	"slices"
	"strings"

	pion "github.com/pion/sdp/v3"
)

// Offer is a client's session description, read and checked as far as that can be done without knowing what it is for.
type Offer struct {
	Tool   string  // user name of the o= line: browsers sign there
	Media  []Media // in the offer's order, all of them
	bundle []int   // indexes into Media, in the order of the BUNDLE group
}

// ParseOffer reads an offer. What it refuses can neither be published nor played: no BUNDLE group, no ICE credentials, no
// usable fingerprint, nothing but a data channel. Candidates are not looked at: the server is ICE-lite.
func ParseOffer(text []byte) (*Offer, error) {
	plain, err := normalise(text)
	if err != nil {
		return nil, err
	}
	var d pion.SessionDescription
	if err := d.UnmarshalString(plain); err != nil {
		return nil, malformed("offer is not SDP: %s", shown(strings.TrimPrefix(err.Error(), "sdp: ")))
	}
	if len(d.MediaDescriptions) > maxMedia {
		return nil, malformed("offer has %d m-lines, over the limit of %d", len(d.MediaDescriptions), maxMedia)
	}
	if _, lite := d.Attribute("ice-lite"); lite {
		return nil, notAcceptable("offer is ice-lite as this server is: neither side would begin")
	}
	o := &Offer{Tool: shown(d.Origin.Username)}
	session, err := parseSession(d.Attributes)
	if err != nil {
		return nil, err
	}
	for i, md := range d.MediaDescriptions {
		m, err := parseMedia(md, session)
		if err != nil {
			return nil, malformed("m-line %d (%s): %s", i, md.MediaName.Media, strings.TrimPrefix(err.Error(), "sdp: "))
		}
		o.Media = append(o.Media, m)
	}
	if err := o.checkMedia(); err != nil {
		return nil, err
	}
	if err := o.readBundle(d.Attributes); err != nil {
		return nil, err
	}
	return o, o.shareTransport()
}

// parseSession reads the attributes that an m-line inherits where it has none of its own.
func parseSession(attrs []pion.Attribute) (Media, error) {
	var m Media
	for _, a := range attrs {
		if err := m.readCommon(a.Key, a.Value); err != nil {
			return m, malformed("session: %s", strings.TrimPrefix(err.Error(), "sdp: "))
		}
	}
	return m, nil
}

func (o *Offer) checkMedia() error {
	if len(o.Media) == 0 {
		return malformed("offer has no m-line")
	}
	if !slices.ContainsFunc(o.Media, Media.isMedia) {
		return notAcceptable("offer has only a data channel: there is no audio or video in it")
	}
	mids := map[string]bool{}
	for _, m := range o.Media {
		if m.Mid != "" && mids[m.Mid] {
			return malformed("offer has two m-lines of mid %q", shown(m.Mid))
		}
		mids[m.Mid] = true
	}
	return nil
}

// readBundle finds the m-lines of the first BUNDLE group (RFC 9143). Names of m-lines that are not there are passed over.
func (o *Offer) readBundle(attrs []pion.Attribute) error {
	for _, a := range attrs {
		mids := strings.Fields(a.Value)
		if a.Key != "group" || len(mids) == 0 || mids[0] != "BUNDLE" {
			continue
		}
		for _, mid := range mids[1:min(len(mids), maxMedia+1)] {
			i := slices.IndexFunc(o.Media, func(m Media) bool { return m.Mid == mid })
			if i >= 0 && !slices.Contains(o.bundle, i) {
				o.bundle = append(o.bundle, i)
				o.Media[i].Bundled = true
			}
		}
		if len(o.bundle) == 0 {
			return malformed("no m-line of the offer is in its BUNDLE group")
		}
		return nil
	}
	return malformed("offer has no BUNDLE group: everything travels through one port here")
}

// shareTransport gives bundled m-lines that have no transport of their own that of the first which has, and checks what
// results. Bundled m-lines travel on the transport of the first that is accepted (RFC 9143 section 7.3).
func (o *Offer) shareTransport() error {
	var first Transport
	for _, i := range o.bundle {
		first = first.or(o.Media[i].Transport)
	}
	for _, i := range o.bundle {
		m := &o.Media[i]
		m.Transport = m.Transport.or(first)
		if err := m.Transport.check(); err != nil {
			return err
		}
	}
	return nil
}

// or fills what t lacks from other.
func (t Transport) or(other Transport) Transport {
	if t.Ufrag == "" {
		t.Ufrag = other.Ufrag
	}
	if t.Pwd == "" {
		t.Pwd = other.Pwd
	}
	if !t.Fingerprint.supported() && other.Fingerprint.Hash != "" {
		t.Fingerprint = other.Fingerprint
	}
	if t.Setup == "" {
		t.Setup = other.Setup
	}
	return t
}

func (t Transport) check() error {
	if err := t.Credentials.check("offer"); err != nil {
		return err
	}
	switch {
	case t.Fingerprint.Hash == "":
		return malformed("offer has no fingerprint")
	case !t.Fingerprint.supported():
		return malformed("offer's fingerprint is %q: sha-256, sha-384 or sha-512 is needed", shown(t.Fingerprint.Hash))
	}
	switch t.Setup {
	case "", "actpass", "active", "passive":
		return nil
	default:
		return malformed("offer has setup:%q: actpass, active or passive is needed", shown(t.Setup))
	}
}

// check holds the credentials to RFC 8839 section 5.4; who names what they stand in.
func (c Credentials) check(who string) error {
	switch {
	case c.Ufrag == "":
		return malformed("%s has no ice-ufrag", who)
	case c.Pwd == "":
		return malformed("%s has no ice-pwd", who)
	case len(c.Ufrag) < minUfrag || len(c.Ufrag) > maxUfragPwd || !isICE(c.Ufrag):
		return malformed("%s has an ice-ufrag that is not a word of %d to %d characters, letters and digits", who, minUfrag, maxUfragPwd)
	case len(c.Pwd) < minPwd || len(c.Pwd) > maxUfragPwd || !isICE(c.Pwd):
		return malformed("%s has an ice-pwd that is not a word of %d to %d characters, letters and digits", who, minPwd, maxUfragPwd)
	}
	return nil
}

// size is the digest's length in bytes, 0 for a hash that is not supported.
func (f Fingerprint) size() int {
	switch f.Hash {
	case "sha-256":
		return 32
	case "sha-384":
		return 48
	case "sha-512":
		return 64
	default:
		return 0
	}
}

func (f Fingerprint) supported() bool { return f.size() != 0 }

func parseFingerprint(value string) (Fingerprint, error) {
	hash, digest, _ := strings.Cut(strings.TrimSpace(value), " ")
	f := Fingerprint{Hash: strings.ToLower(hash), Value: strings.ToUpper(strings.TrimSpace(digest))}
	if f.Hash == "" {
		return f, malformed("fingerprint is empty")
	}
	if !f.supported() {
		return f, nil // an older hash may stand beside one that is
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(f.Value, ":", ""))
	if err != nil || len(raw) != f.size() || len(f.Value) != 3*f.size()-1 {
		return f, malformed("fingerprint is not a %s digest of %d hex pairs", f.Hash, f.size())
	}
	return f, nil
}
