package config

import "unicode/utf8"

// nearest returns the name that a misspelt word probably means: the first of the fewest edits away, empty if all are too
// far. Words longer than any name are not compared.
func nearest(word string, names []string) string {
	const longestName = 64
	if len(word) > longestName || !utf8.ValidString(word) {
		return ""
	}
	best, name := min(len(word)/3, 2)+2, ""
	for _, n := range names {
		if d := distance(word, n); d < best && d < len(n) {
			best, name = d, n
		}
	}
	return name
}

// distance counts the edits from a to b: a letter more, less or other, or two neighbours exchanged.
func distance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
