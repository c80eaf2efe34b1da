package sdp

import (
	"testing"

	"oneport/media"

	"github.com/pion/webrtc/v4"
)

// newPeer is a client of pion's that gathers nothing outside the loopback interface.
func newPeer(t *testing.T) *webrtc.PeerConnection {
	t.Helper()
	var settings webrtc.SettingEngine
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pc.GracefulClose(); err != nil {
			t.Error(err)
		}
	})
	return pc
}

// negotiate lets pion make an offer and take our answer to it.
func negotiate(t *testing.T, pc *webrtc.PeerConnection, publish bool, l Local) (*Session, []byte) {
	t.Helper()
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	o, err := ParseOffer([]byte(offer.SDP))
	if err != nil {
		t.Fatalf("%v in\n%s", err, offer.SDP)
	}
	answer := AnswerPlay
	if publish {
		answer = AnswerPublish
	}
	s, text, err := answer(o, l)
	if err != nil {
		t.Fatalf("%v in\n%s", err, offer.SDP)
	}
	checkAnswer(t, o, s, text)
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(text)}); err != nil {
		t.Fatalf("pion refuses the answer: %v\n%s", err, text)
	}
	return s, text
}

// TestPionPublishes: pion takes the answer to its offer to send, and then sends the codec that the answer selects.
func TestPionPublishes(t *testing.T) {
	for name, mime := range map[string]string{
		"h264": webrtc.MimeTypeH264, "vp8": webrtc.MimeTypeVP8, "vp9": webrtc.MimeTypeVP9, "av1": webrtc.MimeTypeAV1, "hevc": webrtc.MimeTypeH265,
	} {
		t.Run(name, func(t *testing.T) {
			pc := newPeer(t)
			video := addTrack(t, pc, mime, "video")
			audio := addTrack(t, pc, webrtc.MimeTypeOpus, "audio")
			l := local()
			l.VideoCodec, _ = CodecNamed(name)
			s, text := negotiate(t, pc, true, l)
			c := s.Video.Codecs[0]
			if c.Format.Codec != l.VideoCodec || len(s.Video.Codecs) != 1 || c.RTX == 0 || !c.NACK || !c.TransportCC {
				t.Errorf("video %+v", s.Video.Codecs)
			}
			if got := video.GetParameters().Codecs[0]; uint8(got.PayloadType) != c.PT || got.MimeType != mime {
				t.Errorf("pion sends %v, the answer selects %d:\n%s", got, c.PT, text)
			}
			if got := audio.GetParameters().Codecs[0]; uint8(got.PayloadType) != s.Audio.Codecs[0].PT {
				t.Errorf("pion sends %v, the answer selects %d", got, s.Audio.Codecs[0].PT)
			}
			told := video.GetParameters().Encodings[0]
			if len(s.Video.Sources) != 1 || s.Video.Sources[0] != (Source{uint32(told.SSRC), uint32(told.RTX.SSRC)}) {
				t.Errorf("pion sends from %v, the session knows %v", told, s.Video.Sources)
			}
		})
	}
}

func addTrack(t *testing.T, pc *webrtc.PeerConnection, mime, id string) *webrtc.RTPSender {
	t.Helper()
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, id, "stream")
	if err != nil {
		t.Fatal(err)
	}
	transceiver, err := pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		t.Fatal(err)
	}
	return transceiver.Sender()
}

// TestPionPlays: pion takes the answer to its offer to receive, whatever the stream has, and keeps every codec.
func TestPionPlays(t *testing.T) {
	for name, live := range map[string][]media.Format{
		"nothing yet": nil,
		"H264":        {h264Format("64001f", 1), {Codec: media.Opus, ClockRate: 48000, Channels: 2}},
		"AV1":         {{Codec: media.AV1, ClockRate: 90000, Profile: "0"}},
		"VP9":         {{Codec: media.VP9, ClockRate: 90000, Profile: "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			pc := newPeer(t)
			for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
				if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
					t.Fatal(err)
				}
			}
			l := local()
			l.Live = live
			s, _ := negotiate(t, pc, false, l)
			for _, codec := range []media.Codec{media.H264, media.VP8, media.VP9, media.AV1} {
				if !s.Video.has(codec) {
					t.Errorf("%v was lost: %s", codec, facts(s.Video))
				}
			}
			if live != nil && s.Video.Codecs[0].Format.Codec != live[0].Codec {
				t.Errorf("the stream's codec does not come first: %s", facts(s.Video))
			}
			if s.Video.RTXSSRC != 2002 || s.Audio.Codecs[0].Format.Codec != media.Opus {
				t.Errorf("video %s, audio %s", facts(s.Video), facts(s.Audio))
			}
			for _, transceiver := range pc.GetTransceivers() {
				if d := transceiver.Direction(); d != webrtc.RTPTransceiverDirectionRecvonly {
					t.Errorf("%v became %v", transceiver.Kind(), d)
				}
			}
		})
	}
}

// TestPionRejection: pion also takes an answer that rejects its data channel.
func TestPionRejection(t *testing.T) {
	pc := newPeer(t)
	if _, err := pc.CreateDataChannel("chat", nil); err != nil {
		t.Fatal(err)
	}
	addTrack(t, pc, webrtc.MimeTypeH264, "video")
	s, text := negotiate(t, pc, true, local())
	if s.Video == nil || s.Audio != nil {
		t.Errorf("video %s, audio %s:\n%s", facts(s.Video), facts(s.Audio), text)
	}
}
