package server

import (
	"fmt"
	"net/http"
	"time"

	"oneport/media"
	"oneport/stream"
)

// startPatience is how long is waited for the first frame of sound when there is a picture, or the other way.
const startPatience = time.Second

// appetite is what somebody who reads a stream's frames can make use of: a viewer, by what it speaks, or a segmenter.
type appetite struct {
	wanted  [media.Kinds]bool
	carries func(media.Codec) error // nil, or an error that names the codec
	bridged bool                    // what is published by WebRTC becomes frames
}

// check says whether there is anything in a stream for it; the error, with a status of HTTP, names the codec that can't be
// carried. Sound that can't be carried is left out where there is a picture.
func (a *appetite) check(hub *stream.Hub, name stream.Name, status *stream.FrameStatus) error {
	if status.Packets && !a.bridged {
		return errNotBridged
	}
	codecs := codecsOfStream(hub, name, status)
	if video := codecs[media.Video]; video != 0 && a.wanted[media.Video] {
		return notAcceptable(a.carries(video))
	}
	sound := codecs[media.Audio]
	if sound == 0 || !a.wanted[media.Audio] || status.Formats[media.Video] != nil && a.wanted[media.Video] {
		return nil
	}
	if status.Packets && sound == media.Opus {
		sound = media.AAC
	} else if status.Packets {
		return statusError{http.StatusNotAcceptable, fmt.Sprintf("%v cannot be turned into AAC; publish Opus", sound)}
	}
	return notAcceptable(a.carries(sound))
}

// takes says whether frames of a format are of use: they are wanted, and are no sound that can't be carried.
func (a *appetite) takes(f *media.FrameFormat) bool {
	return f != nil && a.wanted[f.Kind()] && (f.Kind() == media.Video || a.carries(f.Codec) == nil)
}

// ready says whether every format is known that the stream will have, so that all can be told before the first frame.
func (a *appetite) ready(now time.Time, hub *stream.Hub, name stream.Name, status *stream.FrameStatus) bool {
	if status.Formats == ([media.Kinds]*media.FrameFormat{}) {
		return false
	}
	if now.Sub(status.First) >= startPatience {
		return true
	}
	for k, codec := range codecsOfStream(hub, name, status) {
		expected := codec != 0 && (media.Kind(k) == media.Video || codec == media.Opus)
		if !status.Packets {
			expected = true // there is no telling what is still to come
		}
		if expected && a.wanted[k] && status.Formats[k] == nil {
			return false
		}
	}
	return true
}

func notAcceptable(err error) error {
	if err == nil {
		return nil
	}
	return statusError{http.StatusNotAcceptable, err.Error()}
}

// codecsOfStream are what the publisher sends, 0 where it sends nothing of a kind yet.
func codecsOfStream(hub *stream.Hub, name stream.Name, status *stream.FrameStatus) (codecs [media.Kinds]media.Codec) {
	for _, f := range hub.Formats(name) {
		codecs[f.Codec.Kind()] = f.Codec
	}
	for k, f := range status.Formats {
		if f != nil && !status.Packets {
			codecs[k] = f.Codec
		}
	}
	return codecs
}
