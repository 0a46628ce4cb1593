package settings

// Nearest returns the word most like the one given; "" when none is near enough to be meant.
func Nearest(word string, among []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, candidate := range among {
		if d := distance(word, candidate); d < least {
			best, least = candidate, d
		}
	}
	return best
}

func didYouMean(word string, among []string) string {
	if near := Nearest(word, among); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}

// distance counts the letters to insert, remove or exchange (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
