package sdp

import (
	"slices"

	"oneport/media"
)

// AnswerPublish answers a client that wants to send. The answer selects one video codec and one audio codec, because a
// browser sends what the answer selects. A client that offers more than it can send, as pion does with a track of one codec,
// has to ask for that codec (Local.VideoCodec).
func AnswerPublish(o *Offer, l Local) (*Session, []byte, error) {
	return answer(o, l, true)
}

// AnswerPlay answers a client that wants to receive. The answer keeps every codec that both sides can carry: a stream's
// codec may be known only when its publisher comes, and may change with the next one.
func AnswerPlay(o *Offer, l Local) (*Session, []byte, error) {
	return answer(o, l, false)
}

func answer(o *Offer, l Local, publish bool) (*Session, []byte, error) {
	audio, video := o.pick(media.Audio, l.AudioCodec, publish), o.pick(media.Video, l.VideoCodec, publish)
	if audio < 0 && video < 0 {
		return nil, nil, o.whyNothing(publish)
	}
	if !publish && audio >= 0 && video >= 0 && len(o.Media[audio].Codecs) == 0 {
		audio = -1 // without sound it may still watch
	}
	s := &Session{Publish: publish}
	tracks := map[int]*Track{} // by index of the m-line
	ids, pts := newIDSpace(), map[uint8]media.Format{}
	for _, i := range o.bundle {
		if i != audio && i != video {
			continue
		}
		m := &o.Media[i]
		t, err := accept(m, &l, publish)
		if err != nil {
			return nil, nil, err
		}
		if err := t.claimPayloadTypes(pts); err != nil {
			return nil, nil, err
		}
		t.acceptExtensions(m, publish, ids)
		t.settleFeedback()
		s.add(t, m)
		tracks[i] = t
	}
	if err := s.canPlay(l.Live); err != nil {
		return nil, nil, err
	}
	return s, writeAnswer(o, s, &l, tracks), nil
}

// pick finds the m-line that carries a kind, one of each: the first that flows the right way and has a codec, the one asked for if
// any. Where none has, it is the first that flows, and the answer fails for what that lacks.
func (o *Offer) pick(kind media.Kind, want media.Codec, publish bool) int {
	first := -1
	for i := range o.Media {
		m := &o.Media[i]
		flows := publish && m.Direction.sends() || !publish && m.Direction.receives()
		switch {
		case m.Kind != kind || !m.usable() || !flows:
		case m.RTCPMux && m.has(want):
			return i
		case first < 0:
			first = i
		}
	}
	return first
}

// has says whether the m-line has a codec, any for 0.
func (m *Media) has(want media.Codec) bool {
	return slices.ContainsFunc(m.Codecs, func(c Codec) bool { return want == 0 || c.Format.Codec == want })
}

// whyNothing says why no m-line of the offer could be picked.
func (o *Offer) whyNothing(publish bool) error {
	switch {
	case !slices.ContainsFunc(o.Media, Media.usable):
		return malformed("no audio or video m-line of the offer is in its BUNDLE group, has a port and uses DTLS-SRTP")
	case publish:
		return malformed("offer to publish sends nothing: every m-line is recvonly or inactive")
	default:
		return malformed("offer to play receives nothing: every m-line is sendonly or inactive")
	}
}

// accept makes a track of an m-line.
func accept(m *Media, l *Local, publish bool) (*Track, error) {
	if !m.RTCPMux {
		return nil, malformed("%s m-line of mid %q has no rtcp-mux: everything travels through one port here", m.Name, m.Mid)
	}
	if len(m.Codecs) == 0 {
		return nil, notAcceptable("offer has no %s codec that oneport carries", m.Name)
	}
	t := &Track{Kind: m.Kind, Mid: m.Mid, MixedExtensions: m.MixedExtensions}
	if publish {
		return t, t.receive(m, l)
	}
	t.send(m, l)
	return t, nil
}

// receive fills in a publisher's track: the one codec it shall send.
func (t *Track) receive(m *Media, l *Local) error {
	want := l.VideoCodec
	if t.Kind == media.Audio {
		want = l.AudioCodec
	}
	best := -1
	for i, c := range m.Codecs {
		if want != 0 && c.Format.Codec != want {
			continue
		}
		if best < 0 || preference(c.Format) < preference(m.Codecs[best].Format) {
			best = i
		}
	}
	if best < 0 {
		return notAcceptable("offer has no %v, which was asked for", want)
	}
	c := m.Codecs[best]
	c.Fmtp = answerFmtp(c)
	t.Codecs = []Codec{c}
	t.Sources = m.Sources
	return nil
}

// preference ranks what a publisher may be asked to send, lowest first; equals go by the offer's order. H264 comes first since
// most viewers decode it, its packetization-mode 1 before 0, since a mode-0 stream has to fit each slice into a packet.
func preference(f media.Format) int {
	switch f.Codec {
	case media.H264:
		return h264Preference(f)
	case media.VP9, media.AV1:
		if f.Profile != "0" {
			return 11 // other profiles are for what few viewers can decode
		}
		return 10
	case media.Opus:
		return 0
	default:
		return 10
	}
}

func h264Preference(f media.Format) int {
	p, _ := parseH264(f.Profile)
	switch {
	case f.PacketizationMode != 1:
		return 4
	case f.Profile == "42e01f":
		return 0
	case p.name == constrainedBaseline:
		return 1
	case p.name == baseline:
		return 2
	default:
		return 3
	}
}

// send fills in a viewer's track: all codecs, those that the stream has now in front.
func (t *Track) send(m *Media, l *Local) {
	for _, c := range m.Codecs {
		c.Fmtp = answerFmtp(c)
		c.TransportCC = false
		t.Codecs = append(t.Codecs, c)
	}
	for _, f := range slices.Backward(l.Live) {
		if c, ok := t.Choose(f); ok {
			i := slices.IndexFunc(t.Codecs, func(x Codec) bool { return x.PT == c.PT })
			t.Codecs = slices.Insert(slices.Delete(t.Codecs, i, i+1), 0, c)
		}
	}
	source := l.Sources[t.Kind]
	t.SSRC = source.SSRC
	if t.hasRTX() {
		t.RTXSSRC = source.RTX
	}
	t.Cname = token(l.Cname, 64)
	stream := token(l.Stream, 56) // RFC 8830: ids are of at most 64 characters
	t.Msid = stream + " " + stream + "-" + t.Kind.String()
}

// claimPayloadTypes holds the client to RFC 9143 section 9.1: within a bundle a payload type means one thing.
func (t *Track) claimPayloadTypes(taken map[uint8]media.Format) error {
	for _, c := range t.Codecs {
		pts := []uint8{c.PT}
		if c.RTX != 0 {
			pts = append(pts, c.RTX)
		}
		for _, pt := range pts {
			if f, ok := taken[pt]; ok && f.Codec.Kind() != t.Kind {
				return malformed("payload type %d stands for %v and for %v in one BUNDLE group", pt, f, c.Format)
			}
			taken[pt] = c.Format
		}
	}
	return nil
}

// settleFeedback drops what was not agreed on: transport-cc needs its header extension, remb is not used.
func (t *Track) settleFeedback() {
	for i := range t.Codecs {
		c := &t.Codecs[i]
		c.TransportCC = c.TransportCC && t.TransportCCExt != 0
		c.REMB = false
	}
}

// add puts a track into the session. The first gives it its transport, as RFC 9143 section 7.3 has it for a bundle.
func (s *Session) add(t *Track, m *Media) {
	if s.Audio == nil && s.Video == nil {
		s.Remote, s.Fingerprint, s.Active = m.Credentials, m.Fingerprint, m.Setup == "passive"
		s.videoFirst = t.Kind == media.Video
	}
	if t.Kind == media.Video {
		s.Video = t
	} else {
		s.Audio = t
	}
}

// canPlay refuses a viewer that cannot be given what it needs of a live stream.
func (s *Session) canPlay(live []media.Format) error {
	if s.Publish {
		return nil
	}
	for _, t := range s.Tracks() {
		if f, refused := t.refuses(live); refused {
			if err := s.Without(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// Without says why a viewer that cannot be given a format must be refused; nil if it need not be: without sound it may still
// watch.
func (s *Session) Without(f media.Format) error {
	kind := f.Codec.Kind()
	if kind == media.Audio && s.Video != nil {
		return nil
	}
	return notAcceptable("the stream's %v is %v, which the offer cannot receive", kind, describe(f))
}

// refuses finds what the stream has of the track's kind, when the track can carry none of it.
func (t *Track) refuses(live []media.Format) (f media.Format, refused bool) {
	for _, l := range live {
		if l.Codec.Kind() != t.Kind {
			continue
		}
		if _, ok := t.Choose(l); ok {
			return media.Format{}, false
		}
		f, refused = l, true
	}
	return f, refused
}

// describe names a format as far as a person must know it to mend an offer.
func describe(f media.Format) string {
	if f.Codec == media.H264 && f.PacketizationMode == 1 {
		return f.String() + " of packetization-mode 1"
	}
	return f.String()
}
