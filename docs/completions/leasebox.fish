# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_leasebox_global_optspecs
    string join \n h/help V/version
end

function __fish_leasebox_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_leasebox_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_leasebox_using_subcommand
    set -l cmd (__fish_leasebox_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c leasebox -n "__fish_leasebox_needs_command" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_needs_command" -s V -l version -d 'Print version'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "serve" -d 'Serve numbers and leases until Ctrl-C'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "client" -d 'Send one command to a server and print its answer'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "check" -d 'Look for a number that came twice in recorded draws'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "race" -d 'Try the interleavings of several clients\' draws, without or with the lock'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "grade" -d 'Grade any draw server, in any language'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "lesson" -d 'Show the lessons in a browser: the race and more, one step at a time'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "simulate" -d 'Let processes share memory on a simulated clock, under three policies'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "echo" -d 'Echo strings over TCP and datagrams over UDP, as the lecture\'s servers do'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "echo-client" -d 'Send a string to an echo server of the lecture, over TCP or UDP'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "lossy" -d 'Lose, repeat and reorder datagrams between clients and a server'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "marshal" -d 'Write a person in one of the lecture\'s external data representations'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "unmarshal" -d 'Read a person back from one of the lecture\'s external data representations'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "completions" -d 'Print the completions of this command line for a shell'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "man" -d 'Print the manual page of the program, or of a command'
complete -c leasebox -n "__fish_leasebox_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l bind -d 'Address or name of the interface to listen on' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l port -d 'Port to listen on; 0 takes a free one' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l host -d 'A name that this server has beside its addresses, for HTTP; may be given several times' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l pid-file -d 'Write the process\'s number into this file once it listens; the stop removes the file' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l numbers -d 'The list has the numbers 1 to this, shuffled' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l list -d 'A list of one\'s own, in this order: numbers such as 5,19,228,665,7,11, or a file of them' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l seed -d 'The same seed gives the same order of the list; without it the order is random' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l lock -d 'Lock the counter once for a whole draw, or once for each of its numbers' -r -f -a "request\t''
number\t''"
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l memory -d 'The size of the memory that the server hands out, or several memory spaces with their sizes, such as a=32MiB,b=32MiB: leases and pools come from the first' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l max-leases -d 'Most leases at once; one for each 112 bytes of --memory when left out, at least 65536' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l max-lease -d 'The longest lease' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l user -d 'Serve only this user, who logs on by HTTP or RESP; other formats are refused' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l password-file -d 'The file whose first line is the password of --user' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l max-clients -d 'Most clients at once' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l max-clients-per-address -d 'Most clients of one address that is not trusted; half of all when left out' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l trust -d 'An address or network, such as 192.0.2.0/24, without that limit and without a share of administrative memory; may be given several times; `none` trusts no address; without this option the server trusts this machine' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l request-timeout -d 'The time limit of a request, from its first byte to its last' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l write-timeout -d 'The time limit of one write to a client; all replies that wait together, three times that' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l idle-timeout -d 'The time that a client may be silent between requests, or a request wait; 0s is no limit' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l max-message -d 'The longest request, and the longest reply with data; a request in text has at most 64 KiB' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l buffers -d 'The most memory that the bytes of all connections take together; a quarter of what the system leaves when left out' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l pools -d 'The division of memory, such as committed=50%,gl=5%,gp=10%,le=25%,lp=10%, in bytes or percent; or a file of such pairs, a line each, and of committed.NAME=SIZE for a process\'s own block' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l caps -d 'The most that one process may owe each pool, in bytes or percent of the pool; the whole pool when left out' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l low-water -d 'Ask processes for memory when less than this of a pool is free; when left out, 25% of each pool, but 0% of committed' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l collect-by -d 'Which process to ask for memory first: freeable is the one with the most freeable bytes, effect the one with the most freeable bytes times efficiency' -r -f -a "freeable\t''
effect\t''"
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l serve-by -d 'Which request of several with one urgency to serve first: the first that came, or by status the one whose process has the lowest efficiency, and then the least garbage left' -r -f -a "arrival\t''
status\t''"
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l collect-every -d 'Ask all processes, at this interval, to return what their garbage can repay, however much is free; when left out, only when a pool is low or a request waits' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l boost-below -d 'Give a block, without a request, to a process that reports an efficiency below this, in percent' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l block -d 'The size of a process\'s own block when it joins without a size, and of the block that --boost-below gives' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l admin -d 'Administrative memory: the most that the entries of processes, sessions and messages take' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l keep-messages -d 'Let messages outlive their sender\'s process for this time; when left out, they end with it' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l rendezvous -d 'The time that a join or register tries to lock the tables; also the time that it then waits for room in full administrative memory, or for a free block' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l process-idle -d 'The time that a client without a connection (over UDP) may be silent; then it is removed from its process, and a process without clients ends' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l datagram -d 'The longest datagram that is received or sent' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l history -d 'The most datagram clients whose last reply is kept, so that a copy of their at-most-once request is not executed again' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l history-time -d 'The time that a datagram client\'s last reply is kept, after its last at-most-once request' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l race-window -d 'The time that a draw waits, for each number, between loading the counter and storing it' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l socket-on-stdin -d 'Listen on the TCP socket that is standard input, as of systemd; then --idle-timeout is 0s'
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l udp -d 'Take datagrams too, on the same port number'
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l behind-proxy -d 'Each connection begins with a PROXY header, version 1 or 2: its address counts, not the proxy\'s'
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l course -d 'Serve the course\'s own client: a draw without a line end gets one number, whatever its N'
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l no-lock -d 'Draw without the lock, number by number: numbers come twice'
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l yes-it-is-broken -d 'Allow a server without the lock to serve other machines'
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -l lab -d 'Draw without the lock, and wait before each load and store for a step command, such as `race --replay` sends'
complete -c leasebox -n "__fish_leasebox_using_subcommand serve" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_using_subcommand client" -l protocol -d 'r: a request alone; rr: request and reply; rra: request, reply and acknowledgement' -r -f -a "r\t''
rr\t''
rra\t''"
complete -c leasebox -n "__fish_leasebox_using_subcommand client" -l semantics -d 'The number of times that the server may execute the request [default: at-most-once; maybe for r]' -r -f -a "maybe\t''
at-least-once\t''
at-most-once\t''"
complete -c leasebox -n "__fish_leasebox_using_subcommand client" -l retry -d 'The wait before the request is sent again; it doubles each time, up to 16 times the first' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand client" -l timeout -d 'The time limit of the command, without a wait that it asks for itself, such as wait 5000' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand client" -l process -d 'Send the command for a process that has joined; TOKEN is from the reply to its join' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand client" -l max-message -d 'The longest answer that is read, in frames over TCP; the answer to a draw may be longer' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand client" -l frames -d 'Speak leasebox frames'
complete -c leasebox -n "__fish_leasebox_using_subcommand client" -l udp -d 'Speak leasebox frames by datagrams, to a server started with --udp'
complete -c leasebox -n "__fish_leasebox_using_subcommand client" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_using_subcommand check" -l history -d 'A history: on each line a client, start, end, count, and the numbers that came' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand check" -l seed -d 'The seed of a leasebox server, so that the order of its list is known' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand check" -l order -d 'A file with the whole list, in its order' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand check" -l max -d 'The server\'s list has the numbers 1 to this; any other number is out of range' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand check" -l drained -d 'The list was drained, so a number that nobody drew is bad news too'
complete -c leasebox -n "__fish_leasebox_using_subcommand check" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l clients -d 'The clients: a letter for each, and how many numbers it draws with one request' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l lock -d 'What the lock is held for: a request, a number, only the increment of the counter, or nothing' -r -f -a "request\t''
number\t''
increment\t''
none\t''"
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l steps -d 'Steps of a number without the lock: load and store (2, the default), or load, read and store (3)' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l preemptions -d 'Try only schedules with at most so many preemptions: switches away from a client that has steps left' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l most -d 'Try at most so many schedules, those with the fewest preemptions first' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l schedule -d 'Run only this schedule, a letter for each step; steps that it lacks follow, client by client' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l random -d 'Run so many random schedules, by priorities, and say how likely they find a race' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l seed -d 'The same seed gives the same random schedules' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l html -d 'Write the run, or the counterexample, as a page that needs nothing else' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l program -d 'The program: the draw, or the lease table with a get, a release and a lease of one block' -r -f -a "draw\t''
leases\t''"
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l replay -d 'Carry the smallest counterexample, or --schedule, out on a server that was started with `serve --lab`; each client\'s numbers go to a file race-NAME.txt' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l step -d 'Choose which client runs next, step after step: type its letter on a line'
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l kinds -d 'Run one schedule of those that differ only in the order of independent steps: the same outcomes, in fewer runs'
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -l broken -d 'With --program leases: a release gives its block back before it marks it released'
complete -c leasebox -n "__fish_leasebox_using_subcommand race" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l start -d 'Start the server by this command, anew for each run, and end it; `{port}` is a free port' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l folder -d 'Grade each submission in this folder; --out is the folder of the grades, `grades` without it' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l previous -d 'An earlier grades.csv: name each score that fell although the files are the same' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l listens-on -d 'The port on which the started server listens; without it, whichever it listens on' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l repeat -d 'Start and grade it so many times; one failing run fails' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l chaos -d 'Let Python change threads between any two bytecodes of the started server' -r -f -a "auto\t''
on\t''
off\t''"
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l chaos-seed -d 'The seed of --chaos, to repeat a verdict; each run adds 1' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l clients -d 'The number of clients that draw at the same time' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l numbers -d 'The server\'s list has the numbers 1 to this' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l timeout -d 'The time for all checks together; with chaos twice as much' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l format -d 'How the report is written' -r -f -a "text\t''
json\t''
html\t''
gradescope\t''
junit\t''
tap\t''"
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l out -d 'Write the report to this file; at the start it is written with a score of 0' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l seed -d 'The seed of a leasebox server, so that its list\'s order is known' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l order -d 'A file with the server\'s whole list, in its order; for a server without --seed' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l unproven -d 'The points of a check that found no fault, but whose evidence is too weak' -r -f -a "none\t''
half\t''
full\t''"
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l least-cores -d 'Leave races open if other programs left fewer cores than this to a started server' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l weights -d 'The points of each check, a key and a number a line; a check that is not named keeps its own' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l source -d 'Search this file or directory for structures that the homework forbids, and list them' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l limit-memory -d 'The most memory that it uses, with all its processes' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l limit-processes -d 'The most processes that it has at once; threads are not counted' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l limit-files -d 'The most files and connections that one of its processes has open' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l limit-file-size -d 'The longest file that it may write' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l limit-output -d 'How much is kept of what it prints: the end' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -l sandbox -d 'Run it under `bwrap`: it can write into its own copy alone, and sees no other process'
complete -c leasebox -n "__fish_leasebox_using_subcommand grade" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_using_subcommand lesson" -l port -d 'Port to listen on; 0 takes a free one' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand lesson" -l bind -d 'Address or name of the interface to listen on' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand lesson" -l lab -d 'A server that was started with serve --lab: the race\'s page can replay its schedule there' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand lesson" -l export -d 'Write the lessons into this folder as static pages with fixed runs, and end' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand lesson" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_using_subcommand simulate" -l processes -d 'The number of processes that share the memory' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand simulate" -l seconds -d 'The length of the simulation, in simulated seconds' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand simulate" -l seed -d 'Another seed gives the processes another demand for memory' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand simulate" -l svg -d 'Write a plot of the pauses by the size of the pool' -r -F
complete -c leasebox -n "__fish_leasebox_using_subcommand simulate" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_using_subcommand echo" -l bind -d 'Address or name of the interface to listen on' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand echo" -l tcp -d 'TCP port for strings, in the form of Java\'s writeUTF; 0 takes a free one' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand echo" -l udp -d 'UDP port for datagrams; 0 takes a free one' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand echo" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_using_subcommand echo-client" -l timeout -d 'The time limit of the whole exchange' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand echo-client" -l tcp -d 'Send a string over TCP, in the form of Java\'s writeUTF'
complete -c leasebox -n "__fish_leasebox_using_subcommand echo-client" -l udp -d 'Send the bytes of the text in a datagram'
complete -c leasebox -n "__fish_leasebox_using_subcommand echo-client" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_using_subcommand lossy" -l listen -d 'The address to which clients send: ADDRESS:PORT; port 0 takes a free one' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand lossy" -l to -d 'The address of the server: ADDRESS:PORT' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand lossy" -l drop -d 'Probability that a datagram is lost, 0 to 1' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand lossy" -l duplicate -d 'Probability that a datagram is sent twice, 0 to 1' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand lossy" -l reorder -d 'Probability, 0 to 1, that a datagram is held back until a later one has overtaken it, or for about 20 ms' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand lossy" -l seed -d 'The same seed makes the same faults; without it the seed is random, and it is logged' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand lossy" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_using_subcommand marshal" -l as -d 'The external data representation' -r -f -a "xdr\t'Sun\'s XDR, which the lecture\'s book shows as CORBA'
cdr-be\t'CORBA\'s CDR, big-endian'
cdr-le\t'CORBA\'s CDR, little-endian'
java\t'Java object serialization'
xml\t'XML'"
complete -c leasebox -n "__fish_leasebox_using_subcommand marshal" -l uid -d 'With --as java: the serialVersionUID of the class that will read, as serialver prints it' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand marshal" -l telephone -d 'A telephone number of the person; may be given several times. They are a sequence' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand marshal" -l values -d 'With --as xdr or cdr: values in place of a person. The types are boolean, char, long, float, double and string, and each with [] for a sequence' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand marshal" -l address -d 'With --as java: that class calls the place address, as the lecture\'s does'
complete -c leasebox -n "__fish_leasebox_using_subcommand marshal" -l raw -d 'Write the bytes themselves, without hexadecimal digits and explanations'
complete -c leasebox -n "__fish_leasebox_using_subcommand marshal" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c leasebox -n "__fish_leasebox_using_subcommand unmarshal" -l as -d 'The external data representation' -r -f -a "xdr\t'Sun\'s XDR, which the lecture\'s book shows as CORBA'
cdr-be\t'CORBA\'s CDR, big-endian'
cdr-le\t'CORBA\'s CDR, little-endian'
java\t'Java object serialization'
xml\t'XML'"
complete -c leasebox -n "__fish_leasebox_using_subcommand unmarshal" -l types -d 'With --as xdr or cdr: the types of the values that the file has in place of a person' -r
complete -c leasebox -n "__fish_leasebox_using_subcommand unmarshal" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c leasebox -n "__fish_leasebox_using_subcommand completions" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_using_subcommand man" -s h -l help -d 'Print help'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "serve" -d 'Serve numbers and leases until Ctrl-C'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "client" -d 'Send one command to a server and print its answer'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "check" -d 'Look for a number that came twice in recorded draws'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "race" -d 'Try the interleavings of several clients\' draws, without or with the lock'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "grade" -d 'Grade any draw server, in any language'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "lesson" -d 'Show the lessons in a browser: the race and more, one step at a time'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "simulate" -d 'Let processes share memory on a simulated clock, under three policies'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "echo" -d 'Echo strings over TCP and datagrams over UDP, as the lecture\'s servers do'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "echo-client" -d 'Send a string to an echo server of the lecture, over TCP or UDP'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "lossy" -d 'Lose, repeat and reorder datagrams between clients and a server'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "marshal" -d 'Write a person in one of the lecture\'s external data representations'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "unmarshal" -d 'Read a person back from one of the lecture\'s external data representations'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "completions" -d 'Print the completions of this command line for a shell'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "man" -d 'Print the manual page of the program, or of a command'
complete -c leasebox -n "__fish_leasebox_using_subcommand help; and not __fish_seen_subcommand_from serve client check race grade lesson simulate echo echo-client lossy marshal unmarshal completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
