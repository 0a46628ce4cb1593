package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// repository finds the folder of go.mod.
func repository(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("ask go for the module: %w", err)
	}
	file := strings.TrimSpace(string(out))
	if file == "" || file == os.DevNull {
		return "", errors.New("run this inside the repository: it builds duolog from source")
	}
	return filepath.Dir(file), nil
}

// build makes the duolog program in dir and returns its path.
func build(ctx context.Context, root, dir string, race bool) (string, error) {
	path := filepath.Join(dir, "duolog")
	args := []string{"build", "-o", path}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/duolog")...) //nolint:gosec // fixed words
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build duolog: %w\n%s", err, out)
	}
	return path, nil
}
