// Package copy is a command, the client for what Debian's ffmpeg can't speak: Enhanced RTMP and FLV, FLV by WebSocket,
// HEVC by WebRTC.
//
//	copy file.mp4 rtmp://host/app/stream    publishes a file of fragmented MP4 in real time, again and again
//	copy rtmp://host/app/stream -           plays to the standard output, as Matroska; also http:// and ws:// for FLV, and
//	copy whep+http://host/path -            plays by WebRTC
//
// It ends when seconds of the stream have been copied, and with code 1 and the reason if it can't.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

func main() {
	seconds := flag.Float64("t", 3600, "how many `seconds` of the stream to copy")
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	err := run(flag.Arg(0), flag.Arg(1), time.Duration(*seconds*float64(time.Second)))
	if err != nil && !errors.Is(err, syscall.EPIPE) { // whoever reads may have had enough
		fmt.Fprintln(os.Stderr, "copy:", err)
		os.Exit(1)
	}
}

// patience is ten times what a connection takes.
const patience = 30 * time.Second

func run(from, to string, length time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience+length)
	defer cancel()
	if strings.HasPrefix(to, "rtmp") {
		return publish(ctx, from, to, length)
	}
	out := &matroska{to: os.Stdout, length: length}
	err := play(ctx, from, out)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func play(ctx context.Context, from string, out *matroska) error {
	scheme, _, _ := strings.Cut(from, ":")
	switch scheme {
	case "rtmp", "rtmps":
		return playRTMP(ctx, from, out)
	case "http", "https", "ws", "wss":
		return playFLV(ctx, from, out)
	case "whep+http":
		return playWHEP(ctx, strings.TrimPrefix(from, "whep+"), out)
	}
	return fmt.Errorf("%s is no stream", from)
}
