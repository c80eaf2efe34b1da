package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// player is a viewer, whatever it plays by.
type player interface {
	Started() <-chan struct{} // closed when media has come, or when none will: see Err
	JoinTime() time.Duration
	Stats() Stats
	ResetStats()
	Err() error
	Profile() string
	Close() error
}

// way is a protocol to play by.
type way struct {
	name string        // as in the result
	unit string        // what is counted
	join time.Duration // bounds a join, from the request to the first media
	dial func(l *load, ctx context.Context, stream int, verify bool) (player, error)
}

func (o Options) way() way {
	switch {
	case o.FLV != "":
		return way{"flv", "tag", joinTimeout, func(l *load, ctx context.Context, stream int, _ bool) (player, error) {
			return dialFLV(ctx, streamURL(o.FLV, stream, o.Streams), o.Bearer)
		}}
	case o.HLS != "":
		return way{"hls", "segment", 4 * joinTimeout, func(l *load, ctx context.Context, stream int, _ bool) (player, error) {
			return dialHLS(streamURL(o.HLS, stream, o.Streams), o.Bearer), nil
		}}
	}
	return way{"whep", "packet", joinTimeout, func(l *load, ctx context.Context, stream int, verify bool) (player, error) {
		c := ClientOptions{Net: o.Net, Bearer: o.Bearer, Verify: verify, SRTP: o.SRTP, GRO: o.GRO, shared: l.shared}
		if o.WHIP != "" {
			c.run = l.publishers[stream].run
		}
		return Dial(ctx, streamURL(o.WHEP, stream, o.Streams), c)
	}}
}

// placeholder in a URL stands for the number of a stream.
const placeholder = "{stream}"

// streamURL is the URL of stream i of n: its number, from 1, takes the place of {stream}; without that, and with more than
// one stream, it is appended to the value of "stream=".
func streamURL(template string, i, n int) string {
	number := strconv.Itoa(i + 1)
	if strings.Contains(template, placeholder) {
		return strings.ReplaceAll(template, placeholder, number)
	}
	start := streamValue(template)
	if n == 1 || start < 0 {
		return template
	}
	end := start + len(template[start:])
	if at := strings.IndexAny(template[start:], "&#"); at >= 0 {
		end = start + at
	}
	return template[:end] + number + template[end:]
}

// streamValue is where the value of the query's "stream=" begins; -1: nowhere.
func streamValue(template string) int {
	for _, before := range []string{"?stream=", "&stream="} {
		if at := strings.Index(template, before); at >= 0 {
			return at + len(before)
		}
	}
	return -1
}

// checkURL refuses early what would fail N times later.
func checkURL(flag, template string, streams int) error {
	u, err := url.Parse(streamURL(template, 0, streams))
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("%s: %q is not a URL like http://127.0.0.1:8080/rtc/v1/whip/?app=live&stream=x", flag, template)
	}
	if streams > 1 && !strings.Contains(template, placeholder) && streamValue(template) < 0 {
		return errors.New("-streams: " + flag + " needs {stream} where the number of a stream belongs")
	}
	return nil
}
