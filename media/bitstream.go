package media

// Inspect tells from an RTP payload's headers whether it begins a frame, and whether it belongs to a keyframe's beginning.
func Inspect(c Codec, payload []byte) (start, key bool) {
	return c.Kind() == Audio, false
}

// VideoSize finds the picture's size in an RTP payload, if that says so.
func VideoSize(c Codec, payload []byte) (width, height int, ok bool) {
	return 0, 0, false
}
