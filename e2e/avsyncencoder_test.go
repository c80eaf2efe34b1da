package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"oneport/port/porttest"
)

// What an encoder publishes is heard and seen together by a viewer by WebRTC, by the sender reports, from the first second on;
// and by those of every other protocol.
func TestSyncOfEncoders(t *testing.T) {
	t.Parallel()
	srt, dir := porttest.Free(t), t.TempDir()
	s := start(t, "SRS_SRT_SERVER_ENABLED=on", "SRS_SRT_SERVER_LISTEN="+srt)
	byRTMP := func(name string) []string { return []string{"-f", "flv", "rtmp://" + s.addr + "/live/" + name} }
	bySRT := func(name string) []string {
		return []string{"-f", "mpegts", "srt://127.0.0.1:" + srt + "?streamid=#!::r=live/" + name + ",m=publish"}
	}
	const long = 6500 * time.Millisecond // and a second, the end of which SRT does not wait for
	for _, tc := range []struct {
		name    string
		by      func(name string) []string
		network string
		rate    string
		coding  []string
		b       bool
		players []string
	}{
		{"48k", byRTMP, "udp", "48000", []string{"-bf", "0", "-ac", "2"}, false, []string{"ts", "hls", "dash"}},
		{"44k", byRTMP, "tcp", "44100", []string{"-bf", "0", "-ac", "1"}, false, nil},
		{"bframes", byRTMP, "tcp", "48000", []string{"-preset", "veryfast", "-bf", "2", "-ac", "2"}, true, nil},
		{"srt", bySRT, "udp", "48000", []string{"-bf", "0", "-ac", "2"}, false, []string{"flv", "rtmp", "ts", "hls", "dash"}},
		{"srt44k", bySRT, "tcp", "44100", []string{"-bf", "0", "-ac", "1"}, false, nil},
		{"srtbframes", bySRT, "tcp", "48000", []string{"-preset", "veryfast", "-bf", "2", "-ac", "2"}, true, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(dir, tc.name+".flv")
			film(t, file, long+time.Second, smallSize, tc.rate, append(tc.coding, "-c:a", "aac", "-b:a", "128k")...)
			viewer := playPion(t, s, tc.name, pionOptions{network: tc.network, codecs: []*codec{h264(), opus()}})
			recordings := s.record(t, tc.name, tc.players...)
			ffmpeg(t, append([]string{"-v", "error", "-re", "-i", file, "-c", "copy"}, tc.by(tc.name)...)...)
			viewer.checkSync(t, tc.name, long, tc.b)
			for _, recording := range recordings() {
				together(t, recording)
			}
		})
	}
	t.Cleanup(func() {
		if s.metric("oneport_b_frames_dropped_total") == 0 {
			t.Error("no B-frame was counted")
		}
	})
}

// checkSync waits until nearly all of a clip has come, and demands sound and picture together. Those of the pictures that are
// B-frames do not come.
func (p *pion) checkSync(t *testing.T, who string, long time.Duration, b bool) {
	t.Helper()
	most := long - 500*time.Millisecond // a datagram may get lost
	eventually(t, joinLimit, "all has come", func() bool {
		return p.span(webrtc.RTPCodecTypeVideo, 90000) >= most && p.span(webrtc.RTPCodecTypeAudio, 48000) >= most
	})
	saw := p.witnessed(t)
	saw.checkTogether(t, who, int(most/time.Second))
	if least := int(most / pictureStep); !b && len(saw.pictures) < least || len(saw.pictures) < least/3 {
		t.Errorf("%d pictures", len(saw.pictures))
	}
	packets := p.packets(webrtc.RTPCodecTypeVideo)
	for i := 1; i < len(packets); i++ {
		if step := int32(packets[i].Timestamp - packets[i-1].Timestamp); step < 0 {
			t.Errorf("packet %d is shown %d ticks before the one before it", i, -step)
		}
	}
}

// What only Enhanced RTMP carries is heard and seen together by a viewer by WebRTC.
func TestSyncOfEnhancedRTMP(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		source func(*testing.T) *enhanced
		codec  *codec
	}{{"HEVC and AAC", hevcAndAAC, h265()}, {"AV1 and Opus", av1AndOpus, av1()}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e, s := tc.source(t), start(t)
			viewer := playPion(t, s, "enhanced", pionOptions{network: "udp", codecs: []*codec{tc.codec, opus()}})
			must(t, e.publish(rtmpClient(t, s, true)))
			viewer.checkSync(t, tc.name, enhancedFrames*pictureStep, false)
		})
	}
}
