package dev.vitrail.report;

import dev.vitrail.files.AtomicFile;
import dev.vitrail.images.ImageEncoder;
import dev.vitrail.report.LineChart.Dot;
import java.awt.AWTError;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Draws the curves of a run as {@code curves.png}, for slides and messages. */
final class CurvesImage {
    private static final Logger LOG = LoggerFactory.getLogger(CurvesImage.class);
    /** Pixels of one chart, and of its title and legend above the plot. */
    private static final int WIDTH = 640, HEIGHT = 420, HEAD = 60;

    private static final Color INK = new Color(0x1c2331), SOFT = new Color(0x667085), GRID = new Color(0xe4e2dc);
    private static final Color[] COLORS = {new Color(0x0072b2), new Color(0xd55e00), new Color(0x009e73)};

    private CurvesImage() {}

    /** Writes loss, accuracy and learning rate side by side. A Java without fonts cannot draw: that is logged. */
    static void write(RunRecord run, Path file) {
        try {
            AtomicFile.write(file, png(run));
        } catch (AWTError | LinkageError | InternalError e) {
            LOG.warn(
                    "{} was not drawn, as this Java has no fonts ({}); index.html shows the same",
                    file,
                    e.getMessage());
        }
    }

    private static byte[] png(RunRecord run) {
        var charts = List.of(RunPage.loss(run), RunPage.accuracy(run, true), RunPage.learningRate(run));
        var image = new BufferedImage(charts.size() * WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
        var graphics = image.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, image.getWidth(), HEIGHT);
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        double scale = (double) WIDTH / LineChart.WIDTH;
        for (int i = 0; i < charts.size(); i++) {
            var part = (Graphics2D) graphics.create(i * WIDTH, 0, WIDTH, HEIGHT);
            part.scale(scale, scale);
            draw(charts.get(i), part);
            part.dispose();
        }
        graphics.dispose();
        return ImageEncoder.encode(image, "png");
    }

    private static void draw(LineChart chart, Graphics2D graphics) {
        graphics.setFont(new Font(Font.SANS_SERIF, Font.BOLD, 14));
        graphics.setColor(INK);
        graphics.drawString(chart.title(), 16, 26);
        graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 11));
        if (chart.curves().size() > 1) {
            legend(chart, graphics);
        }
        graphics.translate(0, HEAD);
        for (var tick : chart.ticks()) {
            graphics.setColor(GRID);
            graphics.draw(new Line2D.Double(LineChart.LEFT, tick.at(), LineChart.RIGHT, tick.at()));
            graphics.setColor(SOFT);
            int width = graphics.getFontMetrics().stringWidth(tick.label());
            graphics.drawString(tick.label(), LineChart.LEFT - 8 - width, (float) tick.at() + 4);
        }
        for (var tick : chart.epochTicks()) {
            double width = graphics.getFontMetrics().stringWidth(tick.label());
            graphics.drawString(tick.label(), (float) (tick.at() - width / 2), LineChart.HEIGHT - 8);
        }
        graphics.setStroke(new BasicStroke(2, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
        for (int i = 0; i < chart.curves().size(); i++) {
            var curve = chart.curves().get(i);
            graphics.setColor(COLORS[i]);
            chart.parts(curve).forEach(part -> graphics.draw(line(part)));
            chart.dots(curve)
                    .forEach(dot -> graphics.fill(new Ellipse2D.Double(dot.x() - 2.6, dot.y() - 2.6, 5.2, 5.2)));
        }
    }

    private static void legend(LineChart chart, Graphics2D graphics) {
        int x = 16;
        for (int i = 0; i < chart.curves().size(); i++) {
            var name = chart.curves().get(i).name();
            graphics.setColor(COLORS[i]);
            graphics.fillRect(x, 42, 14, 3);
            graphics.setColor(SOFT);
            graphics.drawString(name, x + 20, 47);
            x += 40 + graphics.getFontMetrics().stringWidth(name);
        }
    }

    private static Path2D line(List<Dot> part) {
        var line = new Path2D.Double();
        line.moveTo(part.get(0).x(), part.get(0).y());
        part.forEach(dot -> line.lineTo(dot.x(), dot.y()));
        return line;
    }
}
