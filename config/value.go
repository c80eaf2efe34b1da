package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parse sets v, a field of the node's type, from the words given for it. Nothing given leaves it zero. The warning says
// that a word was accepted but is probably not meant.
func (n *node) parse(v reflect.Value, words []string) (warning string, err error) {
	if !n.several {
		if len(words) == 0 {
			return "", nil
		}
		return n.parseOne(v, words[0])
	}
	list := reflect.MakeSlice(n.typ, len(words), len(words))
	for i, w := range words {
		if warning, err = n.parseOne(list.Index(i), w); err != nil {
			return "", err
		}
	}
	if len(words) > 0 {
		v.Set(list)
	}
	return warning, nil
}

func (n *node) parseOne(v reflect.Value, word string) (warning string, err error) {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(word)); err != nil {
			return "", fmt.Errorf("%s: %w", show(word), err)
		}
		return "", nil
	}
	if isDuration(v.Type()) {
		d, err := parseDuration(word, n.unit)
		v.SetInt(int64(d))
		return "", err
	}
	switch v.Kind() {
	case reflect.String:
		if len(n.words) > 0 && !slices.Contains(n.words, word) {
			v.SetString(n.def)
			return fmt.Sprintf("%s is none of %s, so %s counts", show(word), strings.Join(n.words, ", "), n.def), nil
		}
		v.SetString(word)
		return "", nil
	case reflect.Bool:
		on, warning := parseSwitch(word, n.def)
		v.SetBool(on)
		return warning, nil
	}
	return "", parseNumber(v, word)
}

// parseSwitch is SRS's rule: what is on by default is off for exactly `off`, what is off by default is on for exactly `on`.
func parseSwitch(word, def string) (on bool, warning string) {
	on = word == "on"
	if def == "on" {
		on = word != "off"
	}
	if word == "on" || word == "off" {
		return on, ""
	}
	return on, fmt.Sprintf("%s is neither `on` nor `off` and counts as `%s`", show(word), switchName(on))
}

func switchName(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// parseNumber sets any kind of number.
func parseNumber(v reflect.Value, word string) error {
	var err error
	bits := v.Type().Bits()
	kind := "a whole number"
	switch {
	case v.CanInt():
		var x int64
		x, err = strconv.ParseInt(word, 10, bits)
		v.SetInt(x)
	case v.CanUint():
		kind = "a whole number from 0 on"
		var x uint64
		x, err = strconv.ParseUint(word, 10, bits)
		v.SetUint(x)
	default:
		kind = "a number"
		var x float64
		if x, err = strconv.ParseFloat(word, bits); err == nil && (math.IsInf(x, 0) || math.IsNaN(x)) {
			err = strconv.ErrSyntax
		}
		v.SetFloat(x)
	}
	switch {
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("%s is out of range", show(word))
	case err != nil:
		return fmt.Errorf("%s is not %s", show(word), kind)
	}
	return nil
}

// longest bounds a duration, so that sums of them cannot overflow.
const longest = 100 * 365 * 24 * time.Hour

// parseDuration reads a number, whole or not, of the setting's unit.
func parseDuration(word, unit string) (time.Duration, error) {
	u, err := unitOf(unit)
	if err != nil {
		return 0, err
	}
	x, err := strconv.ParseFloat(word, 64)
	if err != nil || math.IsNaN(x) {
		return 0, fmt.Errorf("%s is not a number of %s", show(word), unit)
	}
	x = math.Round(x * float64(u))
	if math.Abs(x) > float64(longest) {
		return 0, fmt.Errorf("%s %s is out of range", show(word), unit)
	}
	return time.Duration(x), nil
}

func unitOf(unit string) (time.Duration, error) {
	switch unit {
	case "us":
		return time.Microsecond, nil
	case "ms":
		return time.Millisecond, nil
	case "s":
		return time.Second, nil
	case "min":
		return time.Minute, nil
	}
	return 0, fmt.Errorf("a duration needs the unit us, ms, s or min, not %q", unit)
}
