// Builds kustomizations for tests: a question in JSON on each line of stdin, an answer in JSON on each line of stdout.
// With arguments it runs them as a command instead, and tells on stdout what that took.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

type question struct {
	// Dir is the folder to build; Reorder is "none" or "legacy"; with Unrestricted files may lie anywhere.
	Dir          string `json:"dir"`
	Reorder      string `json:"reorder"`
	Unrestricted bool   `json:"unrestricted"`
}

type answer struct {
	Output string `json:"output"`
	Error  string `json:"error,omitempty"`
	// Microseconds of the build, with writing YAML: of all cores, in user and system mode.
	CPU int64 `json:"cpu"`
}

// spent is the CPU that this process has used so far.
func spent() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return (usage.Utime.Nano() + usage.Stime.Nano()) / 1000
}

func build(q question) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a.Error = fmt.Sprintf("panic: %v", p)
		}
	}()
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOption(q.Reorder)
	if q.Unrestricted {
		options.LoadRestrictions = types.LoadRestrictionsNone
	}
	start := spent()
	resources, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), q.Dir)
	if err != nil {
		return answer{Error: err.Error()}
	}
	text, err := resources.AsYaml()
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Output: string(text), CPU: spent() - start}
}

// measure runs a command with its output thrown away.
func measure(command []string) error {
	cmd := exec.Command(command[0], command[1:]...)
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return err
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	fmt.Printf("{\"wall\":%d,\"cpu\":%d,\"peak\":%d}\n", wall.Microseconds(), cpu.Microseconds(), usage.Maxrss*1024)
	return err
}

func main() {
	if len(os.Args) > 1 {
		if err := measure(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<16), 1<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := out.Encode(build(q)); err != nil {
			os.Exit(1)
		}
	}
}
