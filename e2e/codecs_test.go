package e2e

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/webrtc/v4"
)

// Every codec goes through untouched and in order, over each transport, to a viewer that was there before its publisher.
func TestCodecs(t *testing.T) {
	s := start(t)
	for _, tc := range []struct {
		name     string
		network  string
		video    *codec
		audio    *codec
		profiles []dtls.SRTPProtectionProfile
		want     string
	}{
		{name: "h264-opus-tcp", network: "tcp", video: h264(), audio: opus()},
		{name: "h264-opus-udp", network: "udp", video: h264(), audio: opus()},
		{name: "vp8-pcmu-tcp", network: "tcp", video: vp8(), audio: pcmu()},
		{name: "vp8-pcmu-udp", network: "udp", video: vp8(), audio: pcmu()},
		{name: "vp9-pcma-tcp", network: "tcp", video: vp9(), audio: pcma()},
		{name: "vp9-pcma-udp", network: "udp", video: vp9(), audio: pcma()},
		{name: "av1-opus-tcp", network: "tcp", video: av1(), audio: opus()},
		{name: "av1-opus-udp", network: "udp", video: av1(), audio: opus()},
		{name: "h265-opus-tcp", network: "tcp", video: h265(), audio: opus()},
		{name: "h265-opus-udp", network: "udp", video: h265(), audio: opus()},
		{name: "cm80-tcp", network: "tcp", video: h264(), audio: opus(),
			profiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}, want: "SRTP_AES128_CM_HMAC_SHA1_80"},
		{name: "cm80-udp", network: "udp", video: h264(), audio: opus(),
			profiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}, want: "SRTP_AES128_CM_HMAC_SHA1_80"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := pionOptions{network: tc.network, codecs: []*codec{tc.video, tc.audio}, profiles: tc.profiles}
			viewer := playPion(t, s, tc.name, o)
			publisher := publishPion(t, s, tc.name, o)
			want := tc.want
			if want == "" {
				want = "SRTP_AEAD_AES_128_GCM"
			}
			for _, publish := range []bool{true, false} {
				c := s.client(tc.name, publish)
				if c.Transport != tc.network || c.SRTP != want {
					t.Errorf("publish=%v: %s with %s, want %s with %s", publish, c.Transport, c.SRTP, tc.network, want)
				}
			}
			carry(t, publisher, viewer, tc.video, tc.audio)
		})
	}
}

// carry sends 200 packets of each track, with a keyframe now and then, and compares. No more are under way at a time than fit the
// client's socket: what that drops, pion has no room to take back in order.
func carry(t *testing.T, publisher, viewer *pion, video, audio *codec) {
	t.Helper()
	const total = 200
	var sent [2][][]byte
	for n := range uint64(total) {
		sent[0] = append(sent[0], publisher.send(video, n, n%50 == 0, 20+int(n*37%1100), 3000))
		sent[1] = append(sent[1], publisher.send(audio, n, false, 20+int(n%160), 960))
		if n == 0 { // a viewer may begin at any keyframe
			eventually(t, joinLimit, "the first keyframe arrives", func() bool { return len(viewer.packets(video.kind())) > 0 })
		}
		if n%16 == 15 {
			eventually(t, 10*time.Second, "what is under way arrives", func() bool {
				return len(viewer.packets(video.kind())) > int(n) && len(viewer.packets(audio.kind())) > int(n)
			})
		}
	}
	for i, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		eventually(t, 10*time.Second, kind.String()+" arrives", func() bool { return len(viewer.packets(kind)) >= total })
		got := viewer.packets(kind)
		if len(got) != total {
			t.Errorf("%v: %d packets, want %d", kind, len(got), total)
		}
		for n, p := range got[:total] {
			if !bytes.Equal(p.Payload, sent[i][n]) {
				t.Fatalf("%v: payload %d is not what was sent", kind, n)
			}
			if n == 0 {
				continue
			}
			if d := p.SequenceNumber - got[n-1].SequenceNumber; d != 1 {
				t.Fatalf("%v: sequence number %d after %d", kind, p.SequenceNumber, got[n-1].SequenceNumber)
			}
			step := map[webrtc.RTPCodecType]uint32{webrtc.RTPCodecTypeVideo: 3000, webrtc.RTPCodecTypeAudio: 960}[kind]
			if d := p.Timestamp - got[n-1].Timestamp; d != step {
				t.Fatalf("%v: timestamp step %d, want %d", kind, d, step)
			}
		}
	}
}
