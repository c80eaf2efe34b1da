package hls

import (
	"errors"
	"time"

	"oneport/media"
)

// waiting are pictures of LL-HLS that have come before the sound that belongs before them. A part is to have both for its time: what
// a player can show ends where the sound does, and hls.js may look for what is missing there, in vain, for as long as the parts are
// listed.
type waiting struct {
	items []media.FrameItem
	bytes int
}

func (w *waiting) add(item media.FrameItem) {
	w.items = append(w.items, item)
	w.bytes += len(item.Data)
}

func (w *waiting) next() media.FrameItem {
	item := w.items[0]
	w.items[0] = media.FrameItem{}
	w.items = w.items[1:]
	w.bytes -= len(item.Data)
	return item
}

// maxBehind is how far the sound may be behind for pictures to wait for it. A publisher whose machine is busy may be that late.
const maxBehind = 3 * time.Second

// maxWaiting bounds the pictures that wait, whatever their times: more than any camera takes while the sound is so far behind.
const maxWaiting = 1024

// pushWaiting pushes a frame, or lets it wait, and pushes what has waited long enough.
func (m *Muxer) pushWaiting(item media.FrameItem) (err error) {
	if item.Break != media.Continues {
		err = m.letGo(true)
	}
	if item.Kind() == media.Video && item.Break == media.Continues && (len(m.wait.items) > 0 || m.soundComes(item, item)) {
		m.wait.add(item)
	} else {
		err = errors.Join(err, m.push(item))
	}
	return errors.Join(err, m.letGo(false))
}

// soundComes says whether sound that belongs before a picture has still to come, and may, where another is the last that has come:
// it has no gaps longer than stall.
func (m *Muxer) soundComes(first, last media.FrameItem) bool {
	if m.opts.Part == 0 || m.run == nil || m.run.ts != nil {
		return false
	}
	sound := m.run.tracks[media.Audio]
	if sound == nil || sound.pending == nil || m.run.lead != media.Video {
		return false
	}
	at := sound.pending.DTS + sound.delta
	return at < first.DTS && last.DTS-at < maxBehind && last.Arrival.Sub(sound.pending.Arrival) < stall
}

// letGo pushes what has waited long enough, or all of it.
func (m *Muxer) letGo(all bool) (err error) {
	w := &m.wait
	for len(w.items) > 0 {
		full := len(w.items) > maxWaiting || m.opts.MaxBytes > 0 && w.bytes > m.opts.MaxBytes/segmentShare
		if !all && !full && m.soundComes(w.items[0], w.items[len(w.items)-1]) {
			break
		}
		err = errors.Join(err, m.push(w.next()))
	}
	return err
}

// newestPicture is the last picture that has come, and whether a keyframe is still to be pushed.
func (m *Muxer) newestPicture() (newest *media.Frame, key bool) {
	newest = m.run.tracks[media.Video].pending
	for _, item := range m.wait.items {
		newest, key = item.Frame, key || item.Key
	}
	return newest, key
}
