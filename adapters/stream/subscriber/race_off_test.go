//go:build !race

package subscriber_test

const raced = false
